"""The cells into which one feature's values are sorted, made of what the contract says of training.

For numbers their ends are those of the histogram, which tell repeated values apart, and the
quantiles, which do so where a long tail leaves most rows in one bin. A quantile does not say how
many rows have just its value. So live rows that have it are divided between its two sides as the
rows around them ask for, were all as in training: that may hide a little drift, and makes none up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Feature, Reference
from app.domain.drift_measures import merged, stability_index
from app.domain.ports import FloatArray

_LEAST_ROWS: Final = 5  # of training, for a category to have a cell of its own
OTHER: Final = 0.0


class Counts(NamedTuple):
    """One feature's rows: in each cell, shape (n_cells,), and without a value."""

    cells: FloatArray
    n_missing: int

    @property
    def n_values(self) -> int:
        """How many rows have a value."""
        return round(float(self.cells.sum()))


def index_between(reference: Counts, current: Counts) -> float:
    """Return the population stability index of a feature; what is missing is a cell too."""
    before, now = merged(reference.cells, current.cells)
    before, now = np.append(before, reference.n_missing), np.append(now, current.n_missing)
    is_used = before + now > 0
    return stability_index(before[is_used], now[is_used])


@dataclass(frozen=True, slots=True)
class NumberCells:
    """Cells between knots; made by ``cells_of``.

    Attributes:
        knots: ascending, shape (n_knots,).
        shares: of training's values below each knot.
        is_exact: False where the knot is a quantile, and rows with its value may lie on each side.
        reference: the rows of training.
    """

    knots: FloatArray
    shares: FloatArray
    is_exact: npt.NDArray[np.bool_]
    reference: Counts

    def count(self, values: FloatArray) -> Counts:
        """Sort *values*, shape (n_rows,), NaN where one is missing."""
        there = np.sort(values[~np.isnan(values)])
        n_values = len(there)
        fewest = np.searchsorted(there, self.knots, "left")
        most = np.where(self.is_exact, fewest, np.searchsorted(there, self.knots, "right"))
        is_sure = fewest == most
        between = np.interp(
            self.shares,
            [0.0, *self.shares[is_sure], 1.0],
            [0.0, *fewest[is_sure], float(n_values)],
        )
        below = np.maximum.accumulate(np.clip(between, fewest, most))
        cells = np.diff(below, prepend=0.0, append=float(n_values))
        return Counts(cells, len(values) - n_values)


@dataclass(frozen=True, slots=True)
class CategoryCells:
    """A cell for each category that training knew well, and the first for all others.

    Attributes:
        codes: the number of each category's cell.
        reference: the rows of training.
    """

    codes: dict[str, float]
    reference: Counts

    def coded(self, values: npt.NDArray[Any]) -> FloatArray:
        """Return the numbers of the cells of *values*, objects, NaN where one is missing."""
        codes = self.codes
        return np.array(
            [codes.get(it, OTHER) if isinstance(it, str) else np.nan for it in values.tolist()]
        )

    def count(self, values: FloatArray) -> Counts:
        """Sort values that are *coded*, shape (n_rows,)."""
        there = values[~np.isnan(values)].astype(np.intp)
        cells = np.bincount(there, minlength=len(self.codes) + 1).astype(np.float64)
        return Counts(cells, len(values) - len(there))


Cells = NumberCells | CategoryCells


def cells_of(reference: Reference, n_rows: int) -> Cells | None:
    """Return the cells for a feature that was distributed like *reference* over *n_rows*.

    None where the contract does not say enough.
    """
    n_missing = round(reference.missing_share * n_rows)
    if reference.shares:
        return _categories(reference.shares, n_rows - n_missing, n_missing)
    if not sum(reference.histogram_counts) and not reference.quantiles:
        return None
    knots, shares, is_exact = _knots(reference)
    cells = np.diff(shares, prepend=0.0, append=1.0) * (n_rows - n_missing)
    return NumberCells(knots, shares, is_exact, Counts(cells, n_missing))


def measured(feature: Feature, cells: Cells, values: npt.NDArray[Any]) -> FloatArray:
    """Return *values*, shape (n_rows,), as numbers that *cells* count; a text is its length.

    Free text that is empty is missing, as training counts it.
    """
    if isinstance(cells, CategoryCells):
        return cells.coded(values)
    if feature.kind in NUMBERS:
        return values.astype(np.float64)
    lengths = [len(it) if isinstance(it, str) and it else np.nan for it in values.tolist()]
    return np.array(lengths, dtype=np.float64)


def _categories(shares: dict[str, float], n_values: int, n_missing: int) -> CategoryCells:
    counts = {name: share * n_values for name, share in shares.items()}
    known = [name for name, rows in counts.items() if round(rows) >= _LEAST_ROWS]
    cells = np.array([0.0, *(counts[name] for name in known)])
    cells[0] = max(n_values - cells.sum(), 0.0)
    codes = {name: float(code) for code, name in enumerate(known, start=1)}
    return CategoryCells(codes, Counts(np.round(cells), n_missing))


def _knots(reference: Reference) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Return where the cells meet: between the bins, at the quantiles, at the ends of training."""
    found: list[tuple[float, bool, float]] = []  # value, whether it is a quantile, share below
    edges, counts = reference.histogram_edges, np.array(reference.histogram_counts)
    if counts.sum():
        below = counts.cumsum()[:-1] / counts.sum()
        found += [(edge, False, share) for edge, share in zip(edges[1:-1], below, strict=True)]
    by_share = sorted((float(name), value) for name, value in reference.quantiles.items())
    found += [(value, True, share) for share, value in by_share if 0.0 < share < 1.0]
    ends = [*edges, *reference.quantiles.values()]
    if by_share and by_share[0][0] == 0.0 and by_share[-1][0] == 1.0:
        ends = [by_share[0][1], by_share[-1][1]]
    found += [(min(ends), False, 0.0), (float(np.nextafter(max(ends), np.inf)), False, 1.0)]
    found.sort()
    values, are_quantiles, shares = map(np.array, zip(*found, strict=True))
    return values.astype(np.float64), np.maximum.accumulate(shares), ~are_quantiles
