"""Metric values that cost an addition each, for what every request counts.

``inc`` and ``observe`` of prometheus-client take 1 to 5 microseconds a value, and a prediction
changes some twenty. Its values lie as doubles in files that all workers share; here they are
written in place, so a killed worker still loses nothing. Every value that is counted through a
cell is counted through nothing else: the library keeps a copy of what it writes.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol, cast

_DOUBLE_BYTES: Final = 8
_ADDING: Final = threading.Lock()


class Doubles(Protocol):
    """A file of doubles, mapped into memory."""

    def __getitem__(self, at: int, /) -> float: ...

    def __setitem__(self, at: int, value: float, /) -> None: ...


class Cell(NamedTuple):
    """One value: ``doubles[at]``."""

    doubles: Doubles
    at: int

    def add(self, amount: float) -> None:
        """Add *amount*."""
        doubles, at = self
        with _ADDING:
            doubles[at] += amount


class Distribution(NamedTuple):
    """Sum and buckets of a histogram; a summary has one bucket, its count."""

    total: Cell
    bounds: tuple[float, ...]
    buckets: tuple[Cell, ...]

    def observe(self, value: float) -> None:
        """Count *value*, which is no NaN, in the first bucket that holds it."""
        sums, place = self.total
        counts, at = self.buckets[bisect_left(self.bounds, value)]
        with _ADDING:
            sums[place] += value
            counts[at] += 1.0

    def observe_many(self, counts: Iterable[int], total: float) -> None:
        """Add what was counted elsewhere: observations by bucket, and their sum."""
        self.total.add(total)
        for bucket, count in zip(self.buckets, counts, strict=True):
            if count:
                bucket.add(float(count))


class Means(NamedTuple):
    """Summaries that are observed together, such as one for each feature."""

    totals: tuple[Cell, ...]
    counts: tuple[Cell, ...]

    def observe(self, values: Iterable[float]) -> None:
        """Count each value in its own summary; NaN, which would stay in the sum, is left out."""
        with _ADDING:
            for value, (sums, place), (counts, at) in zip(
                values, self.totals, self.counts, strict=True
            ):
                if value == value:  # noqa: PLR0124  no NaN
                    sums[place] += value
                    counts[at] += 1.0


def counted(child: Any) -> Cell:
    """Return the value of a counter or a gauge."""
    return _cell(child._value)  # noqa: SLF001  here and below: the library shares it with nobody


def distribution(child: Any) -> Distribution:
    """Return the values of a histogram."""
    buckets = tuple(map(_cell, child._buckets))  # noqa: SLF001
    return Distribution(_cell(child._sum), tuple(child._upper_bounds), buckets)  # noqa: SLF001


def summary(child: Any) -> Distribution:
    """Return the values of a summary."""
    return Distribution(_cell(child._sum), (), (_cell(child._count),))  # noqa: SLF001


def means(children: Iterable[Any]) -> Means:
    """Return the values of many summaries."""
    found = [summary(child) for child in children]
    return Means(tuple(one.total for one in found), tuple(one.buckets[0] for one in found))


def _cell(value: Any) -> Cell:
    value.get()  # lets the library notice a fork
    if not value._multiprocess:  # noqa: SLF001
        return Cell(_InProcess(value), 0)
    file = value._file  # noqa: SLF001
    place = file._positions[value._key]  # noqa: SLF001  in bytes, and a multiple of eight
    doubles = memoryview(file._m).cast("d")  # noqa: SLF001
    return Cell(cast("Doubles", doubles), place // _DOUBLE_BYTES)


class _InProcess:
    """The one double of a value that no other process sees."""

    def __init__(self, value: Any) -> None:
        self._kept = value

    def __getitem__(self, _: int) -> float:
        kept: float = self._kept.get()
        return kept

    def __setitem__(self, _: int, value: float) -> None:
        self._kept.set(value)
