"""Bytes that come in pieces -> lines, none of which is held beyond a number of bytes."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

PIECE_BYTES: Final = 262_144
LOOK_SECONDS: Final = 0.2


class Line(NamedTuple):
    """One line of a file or a pipe.

    Attributes:
        number: the first line is 1.
        offset: bytes of the file before it.
        text: without its end; of a line that is too long, the beginning.
        n_bytes: of the whole line, without its end.
        is_ended: whether a line feed follows; the last line of a file may have none yet.
    """

    number: int
    offset: int
    text: bytes
    n_bytes: int
    is_ended: bool = True

    @property
    def is_cut(self) -> bool:
        """Whether the line is longer than what is held of it."""
        return self.n_bytes > len(self.text)

    @property
    def content(self) -> bytes:
        """The text, of a first line without a byte order mark."""
        return self.text if self.offset else self.text.removeprefix(codecs.BOM_UTF8)

    @property
    def end(self) -> int:
        """Bytes of the file up to the next line."""
        return self.offset + self.n_bytes + self.is_ended


class Lines(Protocol):
    """Lines one after the other."""

    is_over: bool

    def take(self, most: int) -> list[Line]:
        """Return at most so many lines that are there; none after a short while without any.

        A last line that nothing ends comes alone.
        """
        ...


def popped(waiting: deque[Line], most: int) -> Iterator[Line]:
    """Take at most so many of those that wait."""
    for _ in range(min(most, len(waiting))):
        yield waiting.popleft()


class Splitter:
    """Cuts the bytes of one file into lines.

    Args:
        max_bytes: of a line; the rest of a longer one is counted and dropped.
        offset: bytes of the file that were read before.
        number: lines of the file that were read before; counts on.
    """

    def __init__(self, max_bytes: int, offset: int = 0, number: int = 0) -> None:
        self._max_bytes = max_bytes
        self._offset, self.number = offset, number
        self._held = bytearray()
        self._n_bytes = 0

    def feed(self, piece: bytes) -> list[Line]:
        """Return the lines that end in *piece*."""
        *parts, rest = piece.split(b"\n")
        lines = []
        for part in parts:
            self._hold(part)
            lines.append(self._line(is_ended=True))
        self._hold(rest)
        return lines

    def rest(self) -> Line | None:
        """Return the last line, which nothing ends; None where there is none."""
        return self._line(is_ended=False) if self._n_bytes else None

    def _hold(self, part: bytes) -> None:
        self._n_bytes += len(part)
        room = self._max_bytes - len(self._held)
        self._held += part if len(part) <= room else part[:room]

    def _line(self, *, is_ended: bool) -> Line:
        self.number += 1
        line = Line(self.number, self._offset, bytes(self._held), self._n_bytes, is_ended)
        self._offset, self._n_bytes = line.end, 0
        self._held.clear()
        return line
