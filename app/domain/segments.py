"""Rows in parts by what one of their features says: a category each, or a quarter of a number."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.ports import FloatArray

MISSING: Final = "missing"
OTHERS: Final = "others"
_MOST_CATEGORIES: Final = 20
_FEW_NUMBERS: Final = 10  # as many are told apart, as if they were categories
_QUARTERS: Final = (0.25, 0.5, 0.75)


class Segment(NamedTuple):
    """Some of the rows.

    Attributes:
        label: what *feature* says in them.
        is_in: of each row, shape (n_rows,).
    """

    feature: str
    label: str
    is_in: npt.NDArray[np.bool_]

    @property
    def name(self) -> str:
        """How it is called in a report."""
        return f"{self.feature}: {self.label}"


def segments(feature: str, values: npt.NDArray[Any], *, is_number: bool) -> list[Segment]:
    """Return the parts of the rows by their *values*, shape (n_rows,), NaN for what is missing.

    The twenty most frequent categories stand for themselves, and so does each number of ten or
    fewer; more numbers are cut at their quartiles.
    """
    if is_number:
        return _of_numbers(feature, np.asarray(values, dtype=np.float64))
    texts = [_text(value) for value in values.tolist()]
    common = [text for text, _ in Counter(texts).most_common(_MOST_CATEGORIES)]
    kept = set(common)
    named = np.array([text if text in kept else OTHERS for text in texts], dtype=object)
    labels = [*common, *([OTHERS] if len(set(texts)) > len(kept) else [])]
    return [Segment(feature, label, np.asarray(named == label)) for label in labels]


def _of_numbers(feature: str, values: FloatArray) -> list[Segment]:
    is_there = ~np.isnan(values)
    known = values[is_there]
    found = [] if is_there.all() else [Segment(feature, MISSING, ~is_there)]
    distinct = np.unique(known)
    if len(distinct) <= _FEW_NUMBERS:
        return [Segment(feature, f"{it:g}", values == it) for it in distinct] + found
    edges = np.unique(np.quantile(known, _QUARTERS))
    quarter = np.searchsorted(edges, values, side="left")
    for place in range(len(edges) + 1):
        is_in = is_there & (quarter == place)
        if is_in.any():
            found.append(Segment(feature, _range(edges, place), is_in))
    return found


def _range(edges: FloatArray, place: int) -> str:
    if place == 0:
        return f"up to {edges[0]:.4g}"
    if place == len(edges):
        return f"above {edges[-1]:.4g}"
    return f"{edges[place - 1]:.4g} to {edges[place]:.4g}"


def _text(value: object) -> str:
    return MISSING if value is None or value != value else str(value)  # noqa: PLR0124  NaN
