"""By how much one model answers the same rows better than another, and how sure that is."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.contract import Task
from app.domain.ports import FloatArray

_SEED: Final = 20_261_121
_RESAMPLES: Final = 2_000
_DRAWN_AT_ONCE: Final = 2_000_000
_NO_NUMBER: Final = 1e300  # the squared error of an answer that is none


class Contest(NamedTuple):
    """Two models on the same rows.

    Attributes:
        metric: accuracy, or r2; with several targets the mean over them.
        gains: of each row, whose mean is how much higher the candidate's metric is; float64, shape
            (n_rows,).
    """

    metric: str
    champion: float
    candidate: float
    gains: FloatArray


class Gain(NamedTuple):
    """How much higher the candidate's metric is, with the interval in which that lies.

    Attributes:
        champion: its metric.
        segment: which rows; empty for all.
    """

    metric: str
    champion: float | None
    candidate: float | None
    n_rows: int
    mean: float
    low: float
    high: float
    confidence: float
    segment: str = ""


def contest(task: Task, truth: Any, champion: Any, candidate: Any) -> Contest:
    """Compare two sets of answers with the *truth*.

    Args:
        task: classification or regression.
        truth: shape (n_rows,) or (n_rows, n_targets), as the answers.
        champion: its answers.
        candidate: its answers.
    """
    wanted = _table(truth)
    if task == "classification":
        theirs, ours = _right(wanted, champion), _right(wanted, candidate)
        return Contest("accuracy", float(theirs.mean()), float(ours.mean()), ours - theirs)
    spread = wanted.astype(np.float64).var(axis=0)
    unit = np.where(spread > 0, spread, 1.0)
    theirs, ours = _wrong(wanted, champion, unit), _wrong(wanted, candidate, unit)
    return Contest("r2", float(1 - theirs.mean()), float(1 - ours.mean()), theirs - ours)


def _table(values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    return array.reshape(len(array), -1)


def _right(wanted: npt.NDArray[Any], answers: Any) -> FloatArray:
    """Return the share of targets that are right, of each row."""
    is_right = wanted.astype(object) == _table(answers).astype(object)
    return np.asarray(is_right.astype(np.float64).mean(axis=1))


def _wrong(wanted: npt.NDArray[Any], answers: Any, unit: FloatArray) -> FloatArray:
    """Return the squared error of each row, in the variance of its target."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = (wanted.astype(np.float64) - _table(answers).astype(np.float64)) ** 2 / unit
    return np.asarray(np.where(np.isfinite(errors), errors, _NO_NUMBER).mean(axis=1))


def gain(found: Contest, confidence: float) -> Gain:
    """Return the gain over all rows of *found*."""
    low, high = interval(found.gains, confidence)
    mean = float(found.gains.mean())
    metrics = found.metric, found.champion, found.candidate
    return Gain(*metrics, len(found.gains), mean, low, high, confidence)


def gain_within(
    found: Contest, is_in: npt.NDArray[np.bool_], segment: str, confidence: float
) -> Gain:
    """Return the gain over the rows that *is_in* marks, in the unit of the whole."""
    gains = found.gains[is_in]
    low, high = interval(gains, confidence)
    mean = float(gains.mean()) if len(gains) else 0.0
    return Gain(found.metric, None, None, len(gains), mean, low, high, confidence, segment)


def interval(gains: FloatArray, confidence: float) -> tuple[float, float]:
    """Return where the mean of *gains* lies: the percentile interval of a paired bootstrap.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Each row's gain is
    of one pair, so drawing rows keeps what the two models have in common. The seed is fixed: the
    same rows have the same interval.
    """
    n_rows = len(gains)
    if not n_rows:
        return 0.0, 0.0
    draw = np.random.default_rng(_SEED)
    at_once = max(1, min(_RESAMPLES, _DRAWN_AT_ONCE // n_rows))
    means: list[float] = []
    while len(means) < _RESAMPLES:
        count = min(at_once, _RESAMPLES - len(means))
        picked = draw.integers(0, n_rows, (count, n_rows), dtype=np.int32)
        means += gains[picked].mean(axis=1).tolist()
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
