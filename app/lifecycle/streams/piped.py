"""Lines of a pipe."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

from app.lifecycle.streams.lines import LOOK_SECONDS, PIECE_BYTES, Line, Splitter, popped

PIPE: Final = "-"


class PipeLines:
    """The lines of a pipe, until its writer closes it; of a named one, *follow* waits for more."""

    def __init__(self, path: str, *, follow: bool, max_line_bytes: int) -> None:
        self.is_over = False
        self._follow = follow and path != PIPE
        # Opening a named pipe would wait for its writer, and no signal would be seen meanwhile.
        self._handle = (
            sys.stdin.fileno() if path == PIPE else os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        )
        self._splitter = Splitter(max_line_bytes)
        self._waiting: deque[Line] = deque()

    def take(self, most: int) -> list[Line]:
        """Return what is there."""
        if not self._waiting and select.select([self._handle], [], [], LOOK_SECONDS)[0]:
            piece = os.read(self._handle, PIECE_BYTES)
            self._waiting.extend(self._splitter.feed(piece))
            if not piece:
                return self._at_the_end()
        return list(popped(self._waiting, most))

    def _at_the_end(self) -> list[Line]:
        rest = self._splitter.rest()
        if self._follow:
            time.sleep(LOOK_SECONDS)
        self.is_over = not self._follow
        return [] if rest is None else [rest]


def is_pipe(path: str) -> bool:
    """Say whether *path* can be read only once, from its start."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        mode = 0
    return path == PIPE or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
