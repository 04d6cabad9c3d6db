"""Linear models in NumPy: one product, and the link from scores to answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.adapters.engines.arrays import Arrays
from app.adapters.engines.steps import prepared, steps_of
from app.domain.ports import FloatArray, Matrix, Scores
from app.errors import ModelRejectedError

Link = Callable[[FloatArray], Scores]
_LINKS: Final = ("identity", "sign", "largest", "logistic", "softmax", "normalised")


class LinearEngine:
    """Answers as scikit-learn's linear models do, without scikit-learn.

    Args:
        arrays: ``coef``, ``intercept``, ``link`` and the steps before them.
        width: number of features.
        classes: in the order of the scores; None for a regression.

    Raises:
        ModelRejectedError: the arrays do not fit together or the contract.
    """

    def __init__(self, arrays: Arrays, *, width: int, classes: Sequence[object] | None) -> None:
        coef, self._intercept, name = _checked(arrays, width, classes)
        self._coef: Final = coef.T  # the layout of scikit-learn's own product
        self._steps: Final = steps_of(arrays, width)
        self._classes: Final[npt.NDArray[Any]] = np.array(classes or ())
        self._link: Final[Link] = getattr(self, f"_{name}")

    def predict(self, matrix: Matrix) -> Scores:
        """Score every row of *matrix*, shape (n_rows, n_features)."""
        return self._link(self._scores(matrix))

    def decide(self, matrix: Matrix) -> FloatArray:
        """Return ``decision_function`` of every row, shape (n_rows,) or (n_rows, n_classes)."""
        scores = self._scores(matrix)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _scores(self, matrix: Matrix) -> FloatArray:
        rows = prepared(matrix, self._steps)
        scores: FloatArray = np.dot(rows, self._coef) + self._intercept
        return scores

    def _identity(self, scores: FloatArray) -> Scores:
        return Scores(scores, None)

    def _sign(self, scores: FloatArray) -> Scores:
        return Scores(self._classes[(scores[:, 0] > 0).view(np.int8)], None)

    def _largest(self, scores: FloatArray) -> Scores:
        return Scores(self._classes[scores.argmax(axis=1)], None)

    def _logistic(self, scores: FloatArray) -> Scores:
        if len(scores) == 1:
            score = scores.item()
            share = _logistic(score)
            first = int(score > 0)
            return Scores(self._classes[first : first + 1], np.array([[1.0 - share, share]]))
        column = scores[:, 0]
        small = np.exp(-np.abs(column))
        shares = np.where(column >= 0, 1.0, small) / (1.0 + small)
        labels = self._classes[(column > 0).view(np.int8)]
        return Scores(labels, np.stack((1.0 - shares, shares), axis=1))

    def _softmax(self, scores: FloatArray) -> Scores:
        if len(scores) == 1:
            return self._softmax_of_one(scores[0].tolist())
        labels = self._classes[scores.argmax(axis=1)]
        powers = np.ascontiguousarray(scores.T)  # NumPy is thrice as fast along long rows
        powers -= powers.max(axis=0)
        np.exp(powers, out=powers)
        powers /= powers.sum(axis=0)
        return Scores(labels, np.ascontiguousarray(powers.T))

    def _softmax_of_one(self, scores: list[float]) -> Scores:
        """Do the same in plain Python: for a few numbers NumPy's calls cost more than the sums."""
        most = max(scores)
        first = scores.index(most)
        powers = [exp(score - most) for score in scores]
        total = sum(powers)
        shares = np.array([[power / total for power in powers]])
        return Scores(self._classes[first : first + 1], shares)

    def _normalised(self, scores: FloatArray) -> Scores:
        small = np.exp(-np.abs(scores))
        shares = np.where(scores >= 0, 1.0, small) / (1.0 + small)
        total = shares.sum(axis=1, keepdims=True)
        even = np.broadcast_to(1.0 / len(self._classes), shares.shape)
        shares = np.divide(shares, total, out=even.copy(), where=total > 0)
        return Scores(self._classes[scores.argmax(axis=1)], shares)


def _logistic(score: float) -> float:
    small = exp(-abs(score))
    return (1.0 if score >= 0 else small) / (1.0 + small)


def _checked(
    arrays: Arrays, width: int, classes: Sequence[object] | None
) -> tuple[FloatArray, FloatArray, str]:
    """Return coefficients, intercepts and the name of the link."""
    missing = {"coef", "intercept", "link"} - set(arrays)
    if missing:
        raise ModelRejectedError(f"the arrays lack {', '.join(sorted(missing))}")
    coef, intercept, link = arrays["coef"], arrays["intercept"], str(arrays["link"])
    if link not in _LINKS or (link == "identity") != (classes is None):
        raise ModelRejectedError(f"the link {link!r} does not fit the contract")
    n_scores = 1 if link in {"sign", "logistic"} else len(classes or ())
    wanted = (width,) if classes is None else (n_scores, width)
    if coef.shape != wanted or intercept.shape not in {(), (n_scores,)[: coef.ndim - 1]}:
        raise ModelRejectedError(f"the model has coefficients of {coef.shape}, not {wanted}")
    if coef.dtype != np.float64 or intercept.dtype != np.float64:
        raise ModelRejectedError("coefficients must be float64")
    if link in {"sign", "logistic"} and len(classes or ()) != 2:  # noqa: PLR2004  yes or no
        raise ModelRejectedError(f"the link {link!r} needs two classes")
    return coef, intercept, link
