"""Tables of FlatBuffers, in which Arrow describes its messages: just what is needed to read them.

Layout: https://flatbuffers.dev/internals/. A table begins with the distance to its vtable, which
tells where each of its fields stands; text, vectors and other tables stand elsewhere, and the
field holds the distance to them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

LONGEST_TEXT_BYTES: Final = 4 * 200  # of a feature's name


class Table:
    """One table of a buffer that may hold anything.

    Every read stays inside of the buffer. What lies outside raises ``struct.error`` or ValueError.

    Args:
        data: the whole buffer.
        at: where the table begins.
    """

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at
        self._fields = at - self._read("i", at)
        self._size = self._read("H", self._fields)

    @classmethod
    def root(cls, data: memoryview) -> Table:
        """Return the outermost table of *data*."""
        return cls(data, struct.unpack_from("<I", data)[0])

    def number(self, slot: int, code: str, default: int = 0) -> int:
        """Return the integer of *slot*, which ``struct`` calls *code*."""
        at = self._place(slot)
        return self._read(code, at) if at else default

    def table(self, slot: int) -> Table | None:
        """Return the table that *slot* refers to; None when it is empty."""
        at = self._place(slot)
        return Table(self._data, at + self._read("I", at)) if at else None

    def count(self, slot: int) -> int:
        """Return how many items a vector of references has."""
        return self._vector(slot, 4)[1]

    def tables(self, slot: int) -> Iterator[Table]:
        """Go through the tables of a vector, which may name one table a million times."""
        at, size = self._vector(slot, 4)
        for place in range(at, at + 4 * size, 4):
            yield Table(self._data, place + self._read("I", place))

    def text(self, slot: int) -> str:
        """Return a short string; raises a ValueError when it is longer, or not in UTF-8.

        Many fields may name one string, and each would get a copy of its own.
        """
        at, size = self._vector(slot, 1)
        if size > LONGEST_TEXT_BYTES:
            raise ValueError("a name is too long")
        return str(self._data[at : at + size], "utf-8")

    def pairs(self, slot: int) -> npt.NDArray[np.int64]:
        """Return a vector of structs that hold two integers, shape (n_structs, 2)."""
        at, size = self._vector(slot, 16)
        return np.frombuffer(self._data, "<i8", 2 * size, at).reshape(size, 2)

    def _vector(self, slot: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items of a vector begin, and how many there are."""
        at = self._place(slot)
        if not at:
            return 0, 0
        at += self._read("I", at)
        size = self._read("I", at)
        if size * item_bytes > len(self._data) - at - 4:
            raise ValueError("a vector ends outside")
        return at + 4, size

    def _place(self, slot: int) -> int:
        """Return where a field stands; 0 when it is left out."""
        entry = 4 + 2 * slot
        if entry + 2 > self._size:
            return 0
        distance = self._read("H", self._fields + entry)
        return self._at + distance if distance else 0

    def _read(self, code: str, at: int) -> int:
        if at < 0:
            raise ValueError("a table begins outside")
        found: int = struct.unpack_from(f"<{code}", self._data, at)[0]
        return found
