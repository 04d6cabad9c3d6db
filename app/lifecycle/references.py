"""What a table says of its features: their part of the contract, and how they were distributed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Feature, Kind, Missing, Reference
from app.domain.ports import FloatArray, Matrix
from app.lifecycle.datasets import Table

_QUANTILES: Final = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_BINS: Final = 10


def features_of(table: Table) -> tuple[Feature, ...]:
    """Return a feature for each column, with the range or the categories seen in *table*."""
    return tuple(described(name, kind, values) for name, kind, values in _columns(table))


def described(name: str, kind: Kind, values: npt.NDArray[Any]) -> Feature:
    """Return the feature for *values*, shape (n_rows,), NaN where one is missing.

    Where there are gaps they are passed on; in free text a gap is a text of nothing. A category
    that was not seen is counted and passed on, as the encoders here ignore it.
    """
    if kind == "text":
        has_gaps = any(text == "" for text in values)
        return Feature(
            name=name, kind=kind, missing=Missing(policy="fill", value="") if has_gaps else None
        )
    gaps = values != values  # noqa: PLR0124  NaN
    missing = Missing(policy="pass") if gaps.any() else None
    if kind == "category":
        seen = tuple(sorted(set(values[~gaps].tolist())))
        return Feature(name=name, kind=kind, categories=seen, unknown="warn", missing=missing)
    numbers = values[~gaps].astype(np.float64)
    return Feature(
        name=name,
        kind=kind,
        trained_minimum=float(numbers.min()),
        trained_maximum=float(numbers.max()),
        missing=missing,
    )


def references_of(table: Table) -> dict[str, Reference]:
    """Return how each feature was distributed; of free text, its length in characters."""
    return {
        name: _shares(values) if kind == "category" else _reference(_measured(kind, values))
        for name, kind, values in _columns(table)
    }


def class_shares_of(table: Table) -> dict[str, float] | None:
    """Return the share of each class; None where there are none, or several targets."""
    if table.target is None or not table.is_classification or table.target_names:
        return None
    labels, counts = np.unique(table.target, return_counts=True)
    pairs = zip(labels.tolist(), counts.tolist(), strict=True)
    return {str(label): count / len(table.target) for label, count in pairs}


def _columns(table: Table) -> Iterator[tuple[str, Kind, Matrix]]:
    kinds = table.kinds or ("float",) * len(table.feature_names)
    yield from zip(table.feature_names, kinds, table.features.T, strict=True)


def _measured(kind: Kind, values: npt.NDArray[Any]) -> FloatArray:
    """Return the numbers to count: those of the column, or the lengths of texts that are there."""
    if kind in NUMBERS:
        return values.astype(np.float64)
    return np.array([len(text) if text else np.nan for text in values])


def _shares(values: npt.NDArray[Any]) -> Reference:
    there = [value for value in values.tolist() if isinstance(value, str)]
    shares = {name: count / len(there) for name, count in sorted(Counter(there).items())}
    return Reference(shares=shares, missing_share=1 - len(there) / len(values))


def _reference(column: FloatArray) -> Reference:
    values = column[~np.isnan(column)]
    counts, edges = _histogram(values)
    return Reference(
        quantiles={f"{q:g}": float(np.quantile(values, q)) for q in _QUANTILES},
        histogram_edges=tuple(edges.tolist()),
        histogram_counts=tuple(counts.tolist()),
        missing_share=float(np.isnan(column).mean()),
    )


def _histogram(values: FloatArray) -> tuple[npt.NDArray[np.intp], FloatArray]:
    try:
        return np.histogram(values, bins=_BINS)
    except ValueError:  # there are not as many floats between the ends
        ends = [values.min(), np.nextafter(values.max(), np.inf)]
        return np.array([len(values)]), np.array(ends)
