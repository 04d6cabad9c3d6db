"""Tries candidates on folds of the rows, and says which answers best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.model_selection import KFold, StratifiedKFold

from app.errors import TrainingDataError
from app.lifecycle.datasets import Table
from app.lifecycle.fitting import fitted, given
from app.lifecycle.measures import LESS_IS_BETTER, Measures, check_measure, measured
from app.lifecycle.params import Plan, Trial
from app.lifecycle.progress import progress

Fold = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one candidate did.

    Attributes:
        folds: the measures of each fold's rows, by a model that was fitted on all others.
    """

    trial: Trial
    folds: tuple[Measures, ...]

    def mean(self, metric: str) -> float:
        """Return the mean over the folds."""
        return float(np.mean([fold[metric] for fold in self.folds]))

    def deviation(self, metric: str) -> float:
        """Return the standard deviation over the folds."""
        return float(np.std([fold[metric] for fold in self.folds], ddof=1))


def cross_validated(table: Table, plan: Plan, n_jobs: int = 1) -> list[Outcome]:
    """Return how each candidate of *plan* does on folds of *table*, in the plan's order.

    Args:
        table: the rows that are not held out.
        plan: of the model.
        n_jobs: how many fits run at once; the outcome is the same.

    Raises:
        TrainingDataError: a candidate is not one for the table, or the folds do not fit it.
    """
    folds = _folds(table, plan)
    trials = plan.trials
    tasks = [(trial, fold) for trial in trials for fold in folds]
    results: Iterator[Measures] = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_tried)(table, trial, plan.seed, fold) for trial, fold in tasks
    )
    found: list[Measures] = []
    with progress(f"cross-validating {table.name}", len(tasks), "fits") as advance:
        for measures in results:
            check_measure(plan.metric, measures)
            _check_value(table, plan, measures)
            found.append(measures)
            advance(1)
    n = len(folds)
    return [
        Outcome(trial, tuple(found[place * n : (place + 1) * n]))
        for place, trial in enumerate(trials)
    ]


def best(outcomes: Sequence[Outcome], metric: str) -> Outcome:
    """Return the outcome whose mean *metric* is best; the earliest of equals."""
    sign = 1 if metric in LESS_IS_BETTER else -1
    return min(outcomes, key=lambda it: round(sign * it.mean(metric), _DIGITS))


def _check_value(table: Table, plan: Plan, measures: Measures) -> None:
    if not isfinite(measures[plan.metric]):  # such as r2 of one row
        raise TrainingDataError(
            f"{table.name}: {plan.metric} of one of {plan.folds} folds is no number. "
            "Fix: fewer folds, or another metric"
        )


def _folds(table: Table, plan: Plan) -> list[Fold]:
    rows, target = table.features, table.target
    if target is None:
        raise TrainingDataError(f"{table.name}: without a target no candidate can be compared")
    has_one = table.is_classification and not table.target_names
    least = min(np.unique(target, return_counts=True)[1]) if has_one else len(rows)
    if least < plan.folds:
        what = "rows of a class" if has_one else "rows"
        raise TrainingDataError(
            f"{table.name}: {least} {what} that are not held out are too few for {plan.folds} folds"
        )
    kind = StratifiedKFold if has_one else KFold
    folds = kind(plan.folds, shuffle=True, random_state=plan.seed)
    first, group = _different(table)
    least = min(np.unique(target[first], return_counts=True)[1]) if has_one else len(first)
    if least < plan.folds:  # of a few words or marks, where equal rows are the rule
        return list(folds.split(rows, target))
    parts = folds.split(rows[first], target[first])
    return [(np.flatnonzero(~is_in), np.flatnonzero(is_in)) for is_in in _marked(parts, group)]


def _different(table: Table) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the first of each kind of equal rows, and of each row the number of its kind.

    Equal rows lie in one fold: a model would know by heart what it is asked.
    """
    numbers: dict[bytes, int] = {}
    group = [numbers.setdefault(it, len(numbers)) for it in table.row_digests()]
    return np.unique(np.array(group, dtype=np.intp), return_index=True)[1], np.array(group)


def _marked(parts: Iterator[Fold], group: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.bool_]]:
    for _, judged in parts:
        yield np.isin(group, judged)


def _tried(table: Table, trial: Trial, seed: int, fold: Fold) -> Measures:
    fit, judged = (table.take(rows) for rows in fold)
    model: Any = fitted(fit, trial.estimator, trial.settings, seed)
    return measured(model, table.task, given(judged), judged.target)
