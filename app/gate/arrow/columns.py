"""The buffers of one column of an Arrow stream -> its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
Buffers = Iterator[memoryview]


def nulls(n_rows: int) -> Column:
    """Return a column in which nothing is known."""
    return np.full(n_rows, np.nan)


def numbers(buffers: Buffers, dtype: str, n_rows: int, n_gaps: int) -> Column:
    """Return numbers, those that are missing as NaN."""
    validity, data = next(buffers), next(buffers)
    return _with_gaps(_fixed(data, dtype, n_rows), validity, n_gaps)


def booleans(buffers: Buffers, n_rows: int, n_gaps: int) -> Column:
    """Return zeros and ones, those that are missing as NaN."""
    validity, data = next(buffers), next(buffers)
    return _with_gaps(_bits(data, n_rows), validity, n_gaps)


class Texts:
    """A column of texts that is not yet decoded.

    Args:
        buffers: validity, offsets and data.
        dtype: of the offsets.
        n_rows: of the column.
        n_gaps: how many are missing.
    """

    def __init__(self, buffers: Buffers, dtype: str, n_rows: int, n_gaps: int) -> None:
        validity, offsets, self._data = next(buffers), next(buffers), next(buffers)
        self._ends = _fixed(offsets, dtype, n_rows + 1) if n_rows else np.zeros(1, np.int64)
        known = _known(validity, n_rows, n_gaps)
        self._known = None if known is None else known.tolist()
        lengths = np.diff(self._ends)
        if self._ends[0] < 0 or (lengths < 0).any() or self._ends[-1] > len(self._data):
            raise ValueError("a text lies outside")
        self.n_bytes = int(self._ends[-1] - self._ends[0])

    def values(self) -> list[str | float]:
        """Return str, and NaN for what is missing; raises a ValueError when one is no UTF-8."""
        whole = bytes(self._data)
        places = pairwise(self._ends.tolist())
        if self._known is not None:
            pairs = zip(places, self._known, strict=True)
            return [whole[a:b].decode() if known else nan for (a, b), known in pairs]
        if whole.isascii():
            text = whole.decode()
            return [text[start:stop] for start, stop in places]
        return [whole[start:stop].decode() for start, stop in places]


class CodedTexts:
    """A column of places in a dictionary.

    Args:
        buffers: validity and places.
        dtype: of the places.
        n_rows: of the column.
        n_gaps: how many are missing.
        dictionary: the texts, and NaN for one that is missing.
    """

    def __init__(
        self, buffers: Buffers, dtype: str, n_rows: int, n_gaps: int, dictionary: Sequence[Any]
    ) -> None:
        validity, data = next(buffers), next(buffers)
        known = _known(validity, n_rows, n_gaps)
        places = _fixed(data, dtype, n_rows)
        if known is not None:
            places = np.where(known, places, 0)
        words = [*dictionary] or [nan]  # of rows that are all missing the places tell nothing
        if n_rows and (places.min() < 0 or places.max() >= len(words)):
            raise ValueError("a place is not in the dictionary")
        self._places, self._known, self._words = places, known, words
        sizes = np.array([len(it) if isinstance(it, str) else 0 for it in words])
        self.n_bytes = int(sizes[places].sum()) if n_rows else 0

    def values(self) -> list[str | float]:
        """Return str, and NaN for what is missing."""
        words = self._words
        if self._known is None:
            return [words[place] for place in self._places.tolist()]
        pairs = zip(self._places.tolist(), self._known.tolist(), strict=True)
        return [words[place] if known else nan for place, known in pairs]


def _fixed(data: memoryview, dtype: str, n_values: int) -> Column:
    return np.frombuffer(data, dtype, n_values) if n_values else np.empty(0)


def _bits(data: memoryview, n_rows: int) -> Column:
    n_bytes = (n_rows + 7) // 8
    packed = np.frombuffer(data, np.uint8, n_bytes) if n_rows else np.empty(0, np.uint8)
    return np.unpackbits(packed, count=n_rows, bitorder="little")


def _known(validity: memoryview, n_rows: int, n_gaps: int) -> npt.NDArray[np.bool_] | None:
    """Return which values are there; None when all are."""
    if not n_gaps and not len(validity):
        return None
    known = np.asarray(_bits(validity, n_rows), dtype=bool)
    if n_rows - np.count_nonzero(known) != n_gaps:
        raise ValueError("the gaps of a column are not as many as it says")
    return known


def _with_gaps(values: Column, validity: memoryview, n_gaps: int) -> Column:
    known = _known(validity, len(values), n_gaps)
    if known is None:
        return values
    filled = values.astype(np.float64)
    filled[~known] = np.nan
    return filled
