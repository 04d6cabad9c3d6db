"""How far two samples of counts lie apart, and how likely chance alone puts them so far.

Plain formulas, so that the serving plane can use them: nothing here needs more than NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import erfc, exp, lgamma, pi, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from app.domain.ports import FloatArray

_LEAST_EXPECTED: Final = 5.0
_SMOOTHING: Final = 0.5


def merged(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both counts, shape (n_cells,), with neighbours put together where few are expected.

    Five in the smaller sample, as Cochran (1954) asks for a chi-square test. What is put together
    depends on the sum of both samples alone, so it tells nothing of how they differ.
    """
    both = left + right
    smaller = min(left.sum(), right.sum())
    least = _LEAST_EXPECTED * both.sum() / smaller if smaller else np.inf
    groups: list[int] = []
    cell, held = 0, 0.0
    for size in both.tolist():
        groups.append(cell)
        held += size
        if held >= least:
            cell, held = cell + 1, 0.0
    places = np.minimum(groups, max(cell - 1, 0))  # what is left at the end joins the last cell
    return _added(places, left), _added(places, right)


def _added(places: npt.NDArray[np.intp], counts: FloatArray) -> FloatArray:
    cells: FloatArray = np.zeros(int(places.max(initial=-1)) + 1)
    np.add.at(cells, places, counts)
    return cells


def stability_index(reference: FloatArray, current: FloatArray) -> float:
    """Return the population stability index of two counts, shape (n_cells,).

    The sum over the cells of ``(q - p) * ln(q / p)``, with the shares p in *reference* and q in
    *current*: the divergence of Jeffreys (1946), known by this name from Siddiqi (2006), by whom
    less than 0.1 is little, and more than 0.25 much. Half a row is added to each cell, so that an
    empty one does not make it infinite. Two samples of one distribution have about
    ``(n_cells - 1) * (1 / n_reference + 1 / n_current)`` (Yurdakul 2018). NaN where one is empty.
    """
    if not reference.sum() or not current.sum():
        return float("nan")
    before, now = reference + _SMOOTHING, current + _SMOOTHING
    p, q = before / before.sum(), now / now.sum()
    return float(((q - p) * np.log(q / p)).sum())


def homogeneity(left: FloatArray, right: FloatArray) -> float:
    """Return the p-value of Pearson's test (1911) that two counts are of one distribution.

    Both are samples: that of training errs too, and its size says by how much. 1 where one of them
    is empty, or all lies in one cell.
    """
    left, right = left[left + right > 0], right[left + right > 0]
    total = left.sum() + right.sum()
    if len(left) <= 1 or not left.sum() or not right.sum():
        return 1.0
    statistic = 0.0
    for counts in (left, right):
        expected = (left + right) * counts.sum() / total
        statistic += float(((counts - expected) ** 2 / expected).sum())
    return chi_square_tail(statistic, len(left) - 1)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Return how likely a chi-square of so many *degrees* of freedom is at least *statistic*.

    The finite sums for whole degrees (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5).
    """
    if statistic <= 0.0:
        return 1.0
    half = statistic / 2.0
    if degrees % 2 == 0:
        term, tail = exp(-half), 0.0
        for step in range(degrees // 2):
            tail += term
            term *= half / (step + 1)
        return min(tail, 1.0)
    tail, term = erfc(sqrt(half)), exp(-half) * sqrt(half / pi) * 2.0
    for step in range(degrees // 2):
        tail += term
        term *= half / (step + 1.5)
    return min(tail, 1.0)


def same_share(left: tuple[int, int], right: tuple[int, int]) -> float:
    """Return the p-value of the test that two shares are one; each is hits and misses.

    Pearson's where 10 are expected everywhere, else Fisher's exact test (1935), two-sided.
    """
    table = np.array([left, right], dtype=np.float64)
    rows, columns, total = table.sum(axis=1), table.sum(axis=0), table.sum()
    if not rows.all() or not columns.all():
        return 1.0
    if (np.outer(rows, columns) / total).min() >= 2 * _LEAST_EXPECTED:
        return homogeneity(table[0], table[1])
    if columns[0] > columns[1]:
        left, right = left[::-1], right[::-1]
    return _fisher(left, right)


def _fisher(left: tuple[int, int], right: tuple[int, int]) -> float:
    n_left, n_right = sum(left), sum(right)
    n_hits = left[0] + right[0]
    whole = _log_choices(n_left + n_right, n_hits)

    def chance(hits: int) -> float:
        logarithm = _log_choices(n_left, hits) + _log_choices(n_right, n_hits - hits) - whole
        return exp(logarithm)

    limit = chance(left[0]) * (1 + 1e-7)
    possible = range(max(0, n_hits - n_right), min(n_left, n_hits) + 1)
    return min(1.0, sum(it for it in map(chance, possible) if it <= limit))


def _log_choices(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def same_distribution(left: FloatArray, right: FloatArray) -> float:
    """Return the p-value of the two-sample test of Kolmogorov and Smirnov (1939), two-sided.

    Asymptotic, with the correction of Stephens (1970). Ties make it careful.

    Args:
        left: shape (n_left,), without NaN.
        right: shape (n_right,), without NaN.
    """
    if not len(left) or not len(right):
        return 1.0
    left, right = np.sort(left), np.sort(right)
    places = np.concatenate([left, right])
    below = np.searchsorted(left, places, "right") / len(left)
    gap = float(np.abs(below - np.searchsorted(right, places, "right") / len(right)).max())
    size = sqrt(len(left) * len(right) / (len(left) + len(right)))
    scaled = gap * (size + 0.12 + 0.11 / size)
    if scaled < 0.2:  # noqa: PLR2004  the series converges slowly where the tail is 1 anyway
        return 1.0
    tail = 0.0
    for k in count(1):
        term = exp(-2.0 * (k * scaled) ** 2)
        tail += term if k % 2 else -term
        if term < 1e-16:  # noqa: PLR2004
            return min(1.0, max(0.0, 2.0 * tail))
    raise AssertionError  # pragma: no cover


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that hold for all tests together, by the procedure of Holm (1979).

    Who calls those below a level significant is wrong about any of them with at most that chance,
    whatever the tests have to do with one another.
    """
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted
