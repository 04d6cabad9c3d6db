"""How well a model answers rows that it was not fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from app.domain.contract import Task
from app.domain.ports import Matrix
from app.errors import TrainingDataError

Measures = dict[str, float]
LESS_IS_BETTER: Final = frozenset({"log_loss", "mae", "rmse"})
_RESAMPLES: Final = 300
_LEVEL: Final = 0.95


class Answers(NamedTuple):
    """What a model answered to some rows, beside the truth.

    Attributes:
        truth: shape (n_rows,) or (n_rows, n_targets).
        guess: of that shape.
        shares: of the classes, shape (n_rows, n_classes); None where there are none.
        classes: in the order of the shares.
    """

    task: Task
    truth: npt.NDArray[Any]
    guess: npt.NDArray[Any]
    shares: npt.NDArray[np.float64] | None = None
    classes: npt.NDArray[Any] | None = None

    def take(self, rows: npt.NDArray[Any]) -> Answers:
        """Return the answers to *rows*, by their numbers or a mask."""
        shares = None if self.shares is None else self.shares[rows]
        return self._replace(truth=self.truth[rows], guess=self.guess[rows], shares=shares)


class Interval(NamedTuple):
    """Where a measure lies with 95 % confidence."""

    low: float
    high: float


def asked(model: Any, task: Task, rows: Matrix, truth: Any) -> Answers:
    """Return what *model* answers to *rows*.

    Args:
        model: fitted.
        task: of the model.
        rows: held out, shape (n_rows, n_features), or (n_rows,) of texts.
        truth: shape (n_rows,) or (n_rows, n_targets); None for outliers.
    """
    guess = model.predict(rows)
    if task != "classification" or truth.ndim > 1:
        return Answers(task, guess if truth is None else truth, guess)
    return Answers(task, truth, guess, model.predict_proba(rows), model.classes_)


def measured(model: Any, task: Task, rows: Matrix, truth: Any) -> Measures:
    """Return the measures of what ``asked`` returns."""
    return measures_of(asked(model, task, rows, truth))


def measures_of(answers: Answers) -> Measures:
    """Return the usual numbers of the task; with several targets their mean."""
    task, truth, guess = answers[:3]
    if task == "outlier-detection":
        return {"outlier_share": float(np.mean(guess == -1))}
    if task == "regression":
        return _of_quantities(truth, guess)
    if truth.ndim > 1:
        return _of_several_classes(truth, guess)
    if answers.shares is None:
        return _of_classes(truth, guess)
    loss = metrics.log_loss(truth, answers.shares, labels=answers.classes)
    return _of_classes(truth, guess) | {"log_loss": float(loss)}


def check_measure(name: str, known: Mapping[str, float]) -> None:
    """Pass when *name* is among the measures that the task has.

    Raises:
        TrainingDataError: it is not; the message says which there are.
    """
    if name not in known:
        there = ", ".join(known)
        raise TrainingDataError(f"{name!r} is no measure of this task; there is: {there}")


def intervals(answers: Answers, seed: int) -> dict[str, Interval]:
    """Return the bootstrap interval of each measure: the rows are drawn again 300 times."""
    draw = np.random.default_rng(seed)
    n_rows = len(answers.truth)
    drawn = [measures_of(answers.take(draw.integers(0, n_rows, n_rows))) for _ in range(_RESAMPLES)]
    tails = [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]
    return {
        name: Interval(*np.quantile([it[name] for it in drawn], tails).tolist())
        for name in drawn[0]
    }


def _of_quantities(truth: Any, guess: Any) -> Measures:
    return {
        "r2": float(metrics.r2_score(truth, guess)),
        "mae": float(metrics.mean_absolute_error(truth, guess)),
        "rmse": float(metrics.root_mean_squared_error(truth, guess)),
    }


def _of_classes(truth: Any, guess: Any) -> Measures:
    return {
        "accuracy": float(metrics.accuracy_score(truth, guess)),
        "f1_macro": float(metrics.f1_score(truth, guess, average="macro")),
    }


def _of_several_classes(truth: Any, guess: Any) -> Measures:
    """Return the means over the targets, and the share of rows that are right in every one."""
    each = [_of_classes(truth[:, place], guess[:, place]) for place in range(truth.shape[1])]
    means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    return means | {"exact_match": float((truth == guess).all(axis=1).mean())}
