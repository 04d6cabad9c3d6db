"""Where lines go: a file that only grows, or a pipe."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from pathlib import Path
from typing import Final

from app.errors import StreamError
from app.lifecycle.streams.piped import PIPE

_BLOCK_BYTES: Final = 65_536


class Sink:
    """One output, which no other process writes meanwhile.

    Args:
        path: of a file, which is made, or of a named pipe; ``-`` is standard output.

    Raises:
        StreamError: it cannot be written, or somebody else does.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle = sys.stdout.fileno() if path == PIPE else _opened(Path(path))
        found = os.fstat(self._handle)
        self.is_file = stat.S_ISREG(found.st_mode) and path != PIPE
        self.n_bytes = found.st_size if self.is_file else 0

    def refuse_to_be(self, source: str) -> None:
        """Pass when *source*, a path or ``-``, is another file: this one would never end.

        Raises:
            StreamError: it is the file that is written.
        """
        try:
            read = os.fstat(sys.stdin.fileno()) if source == PIPE else Path(source).stat()
        except OSError:  # it is not there yet, or no file at all
            return
        if stat.S_ISREG(read.st_mode) and os.path.samestat(read, os.fstat(self._handle)):
            raise StreamError(
                f"{self._path}: would be read and written. Fix: move it away, and name the file "
                "that it is then as the input."
            )

    def write(self, content: bytes) -> None:
        """Append *content*.

        Raises:
            StreamError: the disk is full, or the reader of a pipe is gone.
        """
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError as error:
            raise StreamError(f"{self._path}: cannot be written: {error.strerror}.") from error
        self.n_bytes += len(content)

    def sync(self) -> None:
        """Wait until everything is on the disk.

        Raises:
            StreamError: it does not get there.
        """
        if not self.is_file:
            return
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise StreamError(f"{self._path}: cannot be written: {error.strerror}.") from error

    def cut(self, n_bytes: int) -> None:
        """Forget what was written after the first *n_bytes*.

        Raises:
            StreamError: there are fewer.
        """
        if self.n_bytes < n_bytes:
            raise StreamError(
                f"{self._path}: has {self.n_bytes} bytes; its checkpoint says {n_bytes}. "
                "Fix: bring it back, or move it and its checkpoint away and start anew."
            )
        os.ftruncate(self._handle, n_bytes)
        self.n_bytes = n_bytes

    def cut_half_line(self) -> None:
        """Forget a last line that was not written to its end, by a process that was killed."""
        if not self.is_file:
            return
        with Path(self._path).open("rb") as file:
            end = self.n_bytes
            while end:
                begin = max(end - _BLOCK_BYTES, 0)
                file.seek(begin)
                found = file.read(end - begin).rfind(b"\n")
                if found >= 0:
                    self.cut(begin + found + 1)
                    return
                end = begin
        self.cut(0)

    def close(self) -> None:
        """Let somebody else write."""
        if self._path != PIPE:
            os.close(self._handle)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StreamError(f"{path}: cannot be written: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StreamError(
            f"{path}: another process writes it. Fix: end that one, or name another output."
        ) from None
    return handle
