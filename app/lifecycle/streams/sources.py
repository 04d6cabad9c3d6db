"""Where lines come from: a file, which may be followed over rotations, or a pipe."""

from __future__ import annotations

import logging
import os
import select
import stat
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from app.errors import StreamError
from app.lifecycle.streams.checkpoint import Place, tail_sha256
from app.lifecycle.streams.lines import Line, Splitter

PIPE: Final = "-"
_PIECE_BYTES: Final = 262_144
_LOOK_SECONDS: Final = 0.2
# Who writes a log learns of its rotation a moment later, and writes on into the old file till then.
_GRACE_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class Lines(Protocol):
    """Lines one after the other."""

    is_over: bool

    def take(self, most: int) -> list[Line]:
        """Return at most so many lines that are there; none after a short while without any.

        A last line that nothing ends comes alone.
        """
        ...


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
        if not self._waiting and select.select([self._handle], [], [], _LOOK_SECONDS)[0]:
            piece = os.read(self._handle, _PIECE_BYTES)
            self._waiting.extend(self._splitter.feed(piece))
            if not piece:
                return self._at_the_end()
        return list(_popped(self._waiting, most))

    def _at_the_end(self) -> list[Line]:
        rest = self._splitter.rest()
        if self._follow:
            time.sleep(_LOOK_SECONDS)
        self.is_over = not self._follow
        return [] if rest is None else [rest]


class FileLines:
    """The lines of a file from a place on.

    With *follow* it waits for more, and goes on with the next file of that name when this one was
    renamed or removed, or from the start when it was cut off.

    Raises:
        StreamError: without *follow*, the file is not there, or is not the one of *place*.
    """

    def __init__(
        self, path: Path, place: Place | None, *, follow: bool, max_line_bytes: int
    ) -> None:
        self.is_over = False
        self._path, self._follow, self._max_line_bytes = path, follow, max_line_bytes
        self._waiting: deque[Line] = deque()
        self._gone_since: float | None = None
        self._handle: int | None = None
        self._read_bytes = 0
        self._splitter = Splitter(max_line_bytes)
        found = self._resumed(place) if place is not None else None
        if found is None:
            found = _opened(path, must_exist=not follow)
        if found is not None:
            self._start(found, place if place and place.is_in(found) else None)

    def take(self, most: int) -> list[Line]:
        """Return what is there."""
        if not self._waiting:
            piece = b"" if self._handle is None else os.read(self._handle, _PIECE_BYTES)
            self._read_bytes += len(piece)
            self._waiting.extend(self._splitter.feed(piece))
            if not piece:
                return self._at_the_end()
        return list(_popped(self._waiting, most))

    def place_after(self, line: Line) -> Place:
        """Return the place after *line*, which was taken last."""
        handle = self._handle
        if handle is None:
            raise StreamError(f"{self._path}: is not open.")
        found = os.fstat(handle)
        return Place(
            device=found.st_dev,
            inode=found.st_ino,
            offset=line.end,
            line=line.number,
            tail_sha256=tail_sha256(handle, line.end),
        )

    def _at_the_end(self) -> list[Line]:
        if not self._follow:
            self.is_over = True
            return self._rest()
        if self._handle is None:
            self._open_next()
        elif os.fstat(self._handle).st_size < self._read_bytes:
            _log.warning("input was cut off, reading it from the start", extra={"file": self._path})
            os.lseek(self._handle, 0, os.SEEK_SET)
            self._start(self._handle)
            return []
        elif self._was_replaced():
            rest = self._rest()
            if rest:
                return rest
            self._open_next()
        time.sleep(_LOOK_SECONDS)
        return []

    def _rest(self) -> list[Line]:
        rest = self._splitter.rest()
        return [] if rest is None else [rest]

    def _was_replaced(self) -> bool:
        """Say whether another file has the name, for so long that this one has got its last."""
        if self._handle is None:
            return False
        here, there = os.fstat(self._handle), _stat(self._path)
        if there is None or (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
            self._gone_since = None
            return False
        now = time.monotonic()
        self._gone_since = self._gone_since or now
        return now - self._gone_since >= _GRACE_SECONDS

    def _open_next(self) -> None:
        found = _opened(self._path, must_exist=False)
        if found is None:
            return
        if self._handle is not None:
            os.close(self._handle)
            _log.info("input was rotated", extra={"file": self._path})
        self._start(found)

    def _start(self, handle: int, place: Place | None = None) -> None:
        self._handle, self._gone_since = handle, None
        offset, number = (place.offset, place.line) if place else (0, 0)
        self._read_bytes = os.lseek(handle, offset, os.SEEK_SET)
        self._splitter = Splitter(self._max_line_bytes, offset, number)

    def _resumed(self, place: Place) -> int | None:
        """Return the file of *place*, open, under the name that it has by now."""
        for path in (self._path, *(_siblings(self._path) if self._follow else ())):
            found = _stat(path)
            if found is None or (found.st_dev, found.st_ino) != (place.device, place.inode):
                continue
            handle = _opened(path, must_exist=True)
            if handle is not None and place.is_in(handle):
                return handle
        if not self._follow:
            raise StreamError(
                f"{self._path}: is not the file that the output's checkpoint was written for. "
                "Fix: name another output, or move this one and its checkpoint away."
            )
        _log.warning("the file that was read before is gone", extra={"offset": place.offset})
        return None


def is_pipe(path: str) -> bool:
    """Say whether *path* can be read only once, from its start."""
    found = _stat(Path(path))
    return path == PIPE or (
        found is not None and (stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode))
    )


def _popped(waiting: deque[Line], most: int) -> Iterator[Line]:
    for _ in range(min(most, len(waiting))):
        yield waiting.popleft()


def _siblings(path: Path) -> list[Path]:
    if not path.parent.is_dir():
        return []
    return sorted(it for it in path.parent.iterdir() if it.name.startswith(path.name))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _opened(path: Path, *, must_exist: bool) -> int | None:
    try:
        handle = os.open(path, os.O_RDONLY)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return handle
        os.close(handle)
        raise StreamError(f"{path}: is no file. Fix: name a file of JSON lines.")
    except FileNotFoundError:
        if not must_exist:
            return None
        fix = "write one, name another INPUT, or wait for it with --follow"
        raise StreamError(f"{path}: there is no such file. Fix: {fix}.") from None
    except OSError as error:
        raise StreamError(f"{path}: cannot be read: {error.strerror}.") from error
