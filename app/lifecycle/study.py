"""All that is known of how one version was found and how it does on rows that were held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from app.lifecycle.crossval import Outcome, best
from app.lifecycle.measures import Answers, Interval, Measures, intervals, measures_of
from app.lifecycle.params import Plan
from app.lifecycle.splits import Split

LEAST_ROWS: Final = 20
_MOST_VALUES: Final = 20


class Segment(NamedTuple):
    """Held-out rows that share one value of one feature.

    Attributes:
        measures: empty where there are fewer than 20 rows.
    """

    feature: str
    value: str
    n_rows: int
    measures: Measures


@dataclass(frozen=True, slots=True)
class Study:
    """One training with a plan.

    Attributes:
        outcomes: of the cross-validation, in the plan's order.
        answers: of the model that was refitted, to the held-out rows.
        command: what is typed to train it again.
    """

    plan: Plan
    outcomes: Sequence[Outcome]
    parts: Split
    answers: Answers
    command: str

    @property
    def chosen(self) -> Outcome:
        """The candidate that was refitted."""
        return best(self.outcomes, self.plan.metric)

    def intervals(self) -> dict[str, Interval]:
        """Return the interval of each measure of the held-out rows."""
        return intervals(self.answers, self.plan.seed)

    def segments(self) -> list[Segment]:
        """Return the measures of the rows of each category, and of each true and false."""
        return list(self._segments())

    def _segments(self) -> Iterator[Segment]:
        table = self.parts.held_out
        for place, (name, kind) in enumerate(zip(table.feature_names, table.kinds, strict=False)):
            if kind not in {"category", "bool"}:
                continue
            said = np.array([_said(value, kind) for value in table.features[:, place]])
            values, counts = np.unique(said, return_counts=True)
            for value, n_rows in sorted(
                zip(values.tolist(), counts.tolist(), strict=True), key=lambda it: (-it[1], it[0])
            )[:_MOST_VALUES]:
                is_enough = n_rows >= LEAST_ROWS
                found = measures_of(self.answers.take(said == value)) if is_enough else {}
                yield Segment(name, value, n_rows, found)


def _said(value: Any, kind: str) -> str:
    if value != value:  # noqa: PLR0124  NaN
        return "missing"
    return str(value) if kind == "category" else str(bool(value)).lower()
