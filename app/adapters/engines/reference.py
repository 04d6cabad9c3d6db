"""scikit-learn itself: the reference that every other engine is compared with."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from app.domain.ports import Matrix, Scores


class SklearnEngine:
    """A fitted estimator, asked as it is."""

    def __init__(self, estimator: Any, *, has_probabilities: bool) -> None:
        self._estimator = estimator
        self._has_probabilities = has_probabilities
        self._columns = _columns(estimator)

    def predict(self, matrix: Matrix) -> Scores:
        """Score every row of *matrix*, shape (n_rows, n_features)."""
        rows = self._columns(matrix)
        predictions = np.asarray(self._estimator.predict(rows))
        if not self._has_probabilities:
            return Scores(predictions, None)
        return Scores(predictions, np.asarray(self._estimator.predict_proba(rows), np.float64))


def _columns(estimator: Any) -> Callable[[Matrix], Any]:
    """Give columns their names again for an estimator that was fitted on a data frame."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return lambda matrix: matrix
    try:
        frame = importlib.import_module("pandas").DataFrame
    except ImportError:
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return lambda matrix: matrix
    return lambda matrix: frame(matrix, columns=names, copy=False)
