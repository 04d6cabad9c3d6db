"""Whether rows are still distributed like those of training: checks, and a verdict on all of them.

A check has drifted when its test is significant **and** the change is large enough to matter: with
enough rows any test finds a difference. The tests' p-values are corrected for their number, so an
undrifted window raises the alarm with at most the chance ``level``, where its rows are independent.
Rows of one caller often are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Final, Literal

import numpy as np

from app.domain.drift_cells import Counts, index_between
from app.domain.drift_measures import (
    holm,
    homogeneity,
    merged,
    same_distribution,
    same_share,
    stability_index,
)
from app.domain.drift_rules import LEAST_ROWS
from app.domain.ports import FloatArray

Aspect = Literal["values", "missing values", "prediction", "confidence", "embedding"]
Ruling = Literal["drift", "no drift", "insufficient"]
_LEAST_MISSING: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was compared.

    Attributes:
        name: of the feature, or of the answer.
        test: which one.
        p_value: of this test alone.
        adjusted_p: after correction for all of them.
        index: population stability index; None where there is none.
        is_large: whether the change is large enough to matter, if it is no chance.
        n_reference: rows of training that have a value.
        n_current: rows now that have one.
        note: what to know about it.
    """

    aspect: Aspect
    name: str
    test: str
    p_value: float
    index: float | None
    is_large: bool
    n_reference: int
    n_current: int
    note: str = ""
    adjusted_p: float = 1.0
    has_drifted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of all checks, those that drifted first."""

    ruling: Ruling
    n_rows: int
    checks: tuple[Check, ...] = ()

    @property
    def drifted(self) -> tuple[Check, ...]:
        """The checks that say so."""
        return tuple(check for check in self.checks if check.has_drifted)


def judged(checks: Sequence[Check], n_rows: int, level: float) -> Verdict:
    """Return the verdict at *level* on rows of which there are *n_rows*."""
    if n_rows < LEAST_ROWS:
        return Verdict(ruling="insufficient", n_rows=n_rows)
    adjusted = holm([check.p_value for check in checks])
    found = [
        replace(check, adjusted_p=p, has_drifted=p < level and check.is_large)
        for check, p in zip(checks, adjusted, strict=True)
    ]
    found.sort(key=lambda it: (not it.has_drifted, it.adjusted_p, -(it.index or 0.0)))
    ruling: Ruling = "drift" if any(it.has_drifted for it in found) else "no drift"
    return Verdict(ruling=ruling, n_rows=n_rows, checks=tuple(found))


def values_check(  # noqa: PLR0913  one argument a thing it compares
    name: str,
    reference: Counts,
    current: Counts,
    *,
    least_index: float,
    aspect: Aspect = "values",
    raw: tuple[FloatArray, FloatArray] | None = None,
    note: str = "",
) -> Check:
    """Compare how values are distributed.

    Args:
        name: of the feature, or of the answer.
        reference: the values of training, by cell.
        current: those of now, in the same cells.
        least_index: below which a change does not matter.
        aspect: what they are.
        raw: the numbers behind both, NaN where one is missing, where those of training are at hand.
        note: what to know about them.
    """
    index = index_between(reference, current)
    if raw is None:
        test = "chi-square"
        p_value = homogeneity(*merged(reference.cells, current.cells))
    else:
        test = "Kolmogorov-Smirnov"
        before, now = (values[~np.isnan(values)] for values in raw)
        p_value = same_distribution(before, now)
    return Check(
        aspect=aspect,
        name=name,
        test=test,
        p_value=p_value,
        index=None if isnan(index) else round(index, 6),
        is_large=index >= least_index,
        n_reference=reference.n_values,
        n_current=current.n_values,
        note=note,
    )


def missing_check(name: str, reference: Counts, current: Counts) -> Check:
    """Compare how often a value is missing; one row in a hundred more or less matters."""
    before, now = (np.array([it.n_missing, it.n_values], float) for it in (reference, current))
    n_before, n_now = before.sum(), now.sum()
    change = abs(now[0] / n_now - before[0] / n_before) if n_now and n_before else 0.0
    is_used = before + now > 0
    index = stability_index(before[is_used], now[is_used])
    return Check(
        aspect="missing values",
        name=name,
        test="two proportions",
        p_value=same_share(
            (reference.n_missing, reference.n_values), (current.n_missing, current.n_values)
        ),
        index=None if isnan(index) else round(index, 6),
        is_large=bool(change >= _LEAST_MISSING),
        n_reference=int(n_before),
        n_current=int(n_now),
    )
