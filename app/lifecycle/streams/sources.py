"""Lines of a file, which may be followed over rotations."""

from __future__ import annotations

import logging
import os
import stat
import sys
import time
from collections import deque
from hashlib import sha256
from pathlib import Path
from typing import Final

from app.errors import StreamError
from app.lifecycle.streams.checkpoint import TAIL_BYTES, Place, tail
from app.lifecycle.streams.lines import LOOK_SECONDS, PIECE_BYTES, Line, Splitter, popped
from app.lifecycle.streams.rotation import Next, identity, is_named, name_by_now, next_file

# Who writes a log learns of its rotation a moment later, and writes on into the old file till then.
_GRACE_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class FileLines:
    """The lines of a file from a place on.

    With *follow* it waits for more, and goes on with the next file of that name when this one was
    renamed or removed, or from the start when it was cut off.

    Raises:
        StreamError: without *follow*, the file is not there, is not the one of *place*, or, while
            lines are taken, was cut off.
    """

    def __init__(
        self, path: Path, place: Place | None, *, follow: bool, max_line_bytes: int
    ) -> None:
        self.is_over = False
        self._path, self._follow, self._max_line_bytes = path, follow, max_line_bytes
        self._place = place
        self._passed: Place | None = None
        self._modified_ns = 0
        self._waiting: deque[Line] = deque()
        self._gone_since: float | None = None
        self._handle: int | None = None
        self._read_bytes = 0
        self._held = b""
        self._splitter = Splitter(max_line_bytes)
        found = _opened(path) if place is None and not follow else self._resumed()
        if found is not None:
            self._start(found, place)
        elif follow:
            self._open_next()
        else:
            fix = "write one, name another INPUT, or wait for it with --follow"
            raise StreamError(f"{path}: there is no such file. Fix: {fix}.")

    def take(self, most: int) -> list[Line]:
        """Return what is there."""
        if not self._waiting:
            piece = self._read()
            self._waiting.extend(self._splitter.feed(piece))
            if not piece:
                return self._at_the_end()
        return list(popped(self._waiting, most))

    def place_after(self, line: Line | None) -> Place | None:
        """Return the place after *line*, which was taken last; None before there is a file."""
        if self._handle is None:
            return None
        return self._place_at(*((line.end, line.number) if line else (0, 0)))

    def _place_at(self, offset: int, number: int) -> Place:
        found = os.fstat(self._handle or 0)
        end = len(self._held) - (self._read_bytes - offset)
        return Place(
            device=found.st_dev,
            inode=found.st_ino,
            offset=offset,
            line=number,
            tail_sha256=sha256(self._held[max(end - TAIL_BYTES, 0) : end]).hexdigest(),
            modified_ns=found.st_mtime_ns,
        )

    def _read(self) -> bytes:
        """Return what comes next, in one look with what came before it, which must still be so."""
        if self._handle is None:
            return b""
        before = self._held[-TAIL_BYTES:]
        begin = self._read_bytes - len(before)
        found = os.pread(self._handle, len(before) + PIECE_BYTES, begin)
        if not found.startswith(before):
            if not self._follow:
                fix = "let it only grow, move the output and its checkpoint away, and start anew"
                raise StreamError(f"{self._path}: was cut off while it was read. Fix: {fix}.")
            _log.warning("input was cut off, reading it from the start", extra={"file": self._path})
            self._start(self._handle)
            return self._read()
        self._held = found
        self._read_bytes = begin + len(found)
        if len(found) > len(before):
            self._note_time()
        return found[len(before) :]

    def _note_time(self) -> None:
        """Remember the time of the last write until it is rotated: late lines would hide others."""
        here = os.fstat(self._handle or 0)
        if not self._modified_ns or is_named(self._path, identity(here)):
            self._modified_ns = here.st_mtime_ns

    def _at_the_end(self) -> list[Line]:
        if not self._follow:
            self.is_over = True
            return self._rest()
        if self._handle is None:
            self._open_next()
        elif self._was_replaced():
            rest = self._rest()
            if rest:
                return rest
            self._open_next()
        time.sleep(LOOK_SECONDS)
        return []

    def _rest(self) -> list[Line]:
        rest = self._splitter.rest()
        return [] if rest is None else [rest]

    def _was_replaced(self) -> bool:
        """Say whether another file follows, for so long that this one has got its last."""
        if self._next() is None:
            self._gone_since = None
            return False
        now = time.monotonic()
        self._gone_since = self._gone_since or now
        return now - self._gone_since >= _GRACE_SECONDS

    def _next(self) -> Next | None:
        if self._handle is not None:
            return next_file(self._path, identity(os.fstat(self._handle)), self._modified_ns)
        return next_file(self._path, None, (self._place and self._place.modified_ns) or sys.maxsize)

    def _open_next(self) -> None:
        there = self._next()
        found = None if there is None else _opened(there.path)
        if there is None or found is None:
            return
        # Files that are renamed meanwhile may be seen twice or never: look again a moment later.
        if identity(os.fstat(found)) != there.identity or self._next() != there:
            os.close(found)
            return
        if there.unread:
            told = {"file": self._path, "unread": there.unread}
            _log.warning("rotated files are compressed or missing, and were not read", extra=told)
        places = [self._place, self._passed]
        if self._handle is not None:
            self._passed = self._place_at(self._read_bytes, self._splitter.number)
            os.close(self._handle)
            _log.info("input was rotated", extra={"file": self._path})
        self._start(found, next((it for it in places if it and self._holds(found, it)), None))

    def _holds(self, found: int, place: Place) -> bool:
        """Say whether *place* is in *found*, or in what was copied to it and then cut off."""
        is_cut_off = name_by_now(self._path, place.inode) == self._path
        return place.is_in(found) or (is_cut_off and place.fits(found))

    def _start(self, handle: int, place: Place | None = None) -> None:
        self._handle, self._gone_since, self._place = handle, None, None
        self._modified_ns = 0
        self._note_time()
        offset, number = (place.offset, place.line) if place else (0, 0)
        self._held, self._read_bytes = tail(handle, offset), offset
        self._splitter = Splitter(self._max_line_bytes, offset, number)

    def _resumed(self) -> int | None:
        """Return the file of the place, open, under the name that it has by now."""
        place = self._place
        if place is None:
            return None
        path = name_by_now(self._path, place.inode) if self._follow else self._path
        handle = None if path is None else _opened(path)
        if handle is not None and place.is_in(handle):
            return handle
        if not self._follow:
            raise StreamError(
                f"{self._path}: is not the file that the output's checkpoint was written for. "
                "Fix: name another output, or move this one and its checkpoint away."
            )
        _log.warning("the file that was read before is gone", extra={"offset": place.offset})
        return None


def _opened(path: Path) -> int | None:
    """Return the file, open; None where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return handle
        os.close(handle)
        raise StreamError(f"{path}: is no file. Fix: name a file of JSON lines.")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StreamError(f"{path}: cannot be read: {error.strerror}.") from error
