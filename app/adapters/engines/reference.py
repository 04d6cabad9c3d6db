"""scikit-learn itself: the reference that every other engine is compared with."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from app.adapters.engines.positions import select_by_position
from app.domain.contract import Input
from app.domain.ports import FloatArray, Matrix, Probabilities, Scores


class SklearnEngine:
    """A fitted estimator, asked as it is.

    Args:
        estimator: anything with ``predict``.
        has_probabilities: whether ``predict_proba`` is asked too.
        takes: how it takes its rows. None asks the estimator: one that reads texts does not count
            its features.
    """

    def __init__(
        self, estimator: Any, *, has_probabilities: bool, takes: Input | None = None
    ) -> None:
        self._estimator = estimator
        self._has_probabilities = has_probabilities
        self._columns = _columns(estimator, takes)

    def predict(self, matrix: Matrix) -> Scores:
        """Score every row of *matrix*, shape (n_rows, n_features).

        Raises:
            RuntimeError: the estimator answers more or fewer rows, or in more dimensions.
        """
        rows = self._columns(matrix)
        predictions = _values(self._estimator.predict(rows))
        if predictions.ndim not in {1, 2} or len(predictions) != len(matrix):
            raise RuntimeError(f"{len(matrix)} rows gave answers of shape {predictions.shape}")
        if predictions.ndim == 2 and predictions.shape[1] == 1:  # noqa: PLR2004  one target
            predictions = predictions[:, 0]
        if not self._has_probabilities:
            return Scores(predictions, None)
        return Scores(predictions, _shares(self._estimator.predict_proba(rows), predictions))

    def decide(self, matrix: Matrix) -> FloatArray:
        """Return ``decision_function`` of every row, shape (n_rows,) or (n_rows, n_scores)."""
        found = self._estimator.decision_function(self._columns(matrix))
        return np.asarray(found, np.float64)


def _values(found: Any) -> Matrix:
    """Return answers as an array; those of several labels may come as a sparse one."""
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)


def _shares(found: Any, predictions: Matrix) -> Probabilities:
    """Return probabilities, for several targets an array of each.

    Of several yes-or-no targets some estimators give one number each: the share of yes.
    """
    if isinstance(found, list):
        return tuple(np.asarray(it, np.float64) for it in found)
    shares: FloatArray = np.asarray(_values(found), np.float64)
    if predictions.ndim == 1:
        return shares
    return tuple(np.stack((1.0 - column, column), axis=1) for column in shares.T)


def _columns(estimator: Any, takes: Input | None) -> Callable[[Matrix], Any]:
    """Return what gives rows the form in which *estimator* was fitted."""
    if takes == "texts" or (takes is None and not hasattr(estimator, "n_features_in_")):
        return _texts if takes == "texts" else _texts_if_objects
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return lambda matrix: matrix
    try:
        frame = importlib.import_module("pandas").DataFrame
    except ImportError:
        select_by_position(estimator)
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return lambda matrix: matrix
    return lambda matrix: frame(_named(matrix, names), columns=names, copy=False)


def _texts(matrix: Matrix) -> Matrix:
    return matrix[:, 0]


def _texts_if_objects(matrix: Matrix) -> Matrix:
    is_texts = matrix.dtype.hasobject and matrix.shape[1] == 1
    return matrix[:, 0] if is_texts else matrix


def _named(matrix: Matrix, names: Sequence[str]) -> Any:
    """Return what makes a data frame of *matrix*, with columns of numbers as such."""
    if not matrix.dtype.hasobject:
        return matrix
    columns = (matrix[:, place] for place in range(matrix.shape[1]))
    return {name: _typed(column) for name, column in zip(names, columns, strict=True)}


def _typed(column: Matrix) -> Matrix:
    """Return *column* as float64 when it surely holds numbers; one of gaps alone may hold words."""
    values = column.tolist()
    has_numbers = any(type(value) is not str and value == value for value in values)  # noqa: PLR0124  NaN
    return column.astype(np.float64) if has_numbers else column
