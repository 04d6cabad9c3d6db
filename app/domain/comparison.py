"""A candidate's answer beside the champion's, row by row."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from app.domain.contract import Task

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Matrix = npt.NDArray[Any]
Outcome = Literal["compared", "failed", "dropped"]
# Beside a relative tolerance, so that two numbers around zero can agree.
_AROUND_ZERO: Final = 1e-12


class Answers(Protocol):
    """What a version says to the rows of one request: an engine's scores, or a part of them."""

    @property
    def predictions(self) -> Matrix:
        """Labels or numbers, shape (n_rows,) or (n_rows, n_targets)."""
        ...

    @property
    def probabilities(self) -> object:
        """An array of shape (n_rows, n_classes); anything else is not compared."""
        ...


class Comparison(NamedTuple):
    """How far two versions agree on the rows of some requests.

    Attributes:
        agrees: of each row, shape (n_rows,).
        differences: the largest absolute difference of each row, of its numbers or else of its
            probabilities, shape (n_rows,); None where the two have no numbers to compare.
    """

    agrees: BoolArray
    differences: FloatArray | None

    @property
    def n_rows(self) -> int:
        """How many rows were compared."""
        return len(self.agrees)

    @property
    def n_agreeing(self) -> int:
        """On how many of them the two agree."""
        return int(np.count_nonzero(self.agrees))

    @property
    def largest(self) -> float | None:
        """The largest of ``differences``."""
        return None if self.differences is None else float(self.differences.max(initial=0.0))


class ShadowReport(NamedTuple):
    """What became of the copies of some requests, which the candidate scored in one call.

    Attributes:
        model: its name.
        version: of the candidate.
        n_alike: requests on whose rows the two agree without exception.
        champion_seconds: of each request; none where a remembered answer was sent.
        candidate_seconds: a request's share of the call; None where there was none.
    """

    model: str
    version: str
    outcome: Outcome
    n_requests: int = 1
    n_alike: int = 0
    comparison: Comparison | None = None
    champion_seconds: tuple[float, ...] = ()
    candidate_seconds: float | None = None


def compare(champion: Answers, candidate: Answers, task: Task, tolerance: float) -> Comparison:
    """Compare two answers to the same rows.

    A row agrees when all its labels are equal, or all its numbers within *tolerance*, which is
    relative to the champion's.

    Raises:
        ValueError: the two are not of the same shape.
    """
    differences: FloatArray | None
    theirs, ours = _table(champion.predictions), _table(candidate.predictions)
    if theirs.shape != ours.shape:
        raise ValueError(f"the answers have the shapes {theirs.shape} and {ours.shape}")
    if task == "regression":
        agree, differences = _numbers(theirs, ours, tolerance)
    else:
        agree = (theirs.astype(object) == ours.astype(object)).astype(bool)
        differences = _between(champion.probabilities, candidate.probabilities)
    of_rows: BoolArray = np.logical_and.reduce(agree, axis=1)
    return Comparison(of_rows, differences)


def _table(predictions: Matrix) -> Matrix:
    return predictions.reshape(len(predictions), -1)


def _numbers(theirs: Matrix, ours: Matrix, tolerance: float) -> tuple[BoolArray, FloatArray]:
    theirs, ours = theirs.astype(np.float64), ours.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        differences = np.abs(ours - theirs)
        agree = differences <= tolerance * np.abs(theirs) + _AROUND_ZERO
    if not agree.all():
        agree |= (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    return agree, _largest(differences)


def _between(theirs: object, ours: object) -> FloatArray | None:
    """Return the largest difference of each row's probabilities, where both have the same ones."""
    if not (isinstance(theirs, np.ndarray) and isinstance(ours, np.ndarray)):
        return None
    if theirs.shape != ours.shape:
        return None
    return _largest(np.abs(ours - theirs))


def _largest(differences: FloatArray) -> FloatArray:
    """Return the largest of each row; what is no number is no difference, but does not agree."""
    differences[~np.isfinite(differences)] = 0.0
    largest: FloatArray = differences.max(axis=1, initial=0.0)
    return largest
