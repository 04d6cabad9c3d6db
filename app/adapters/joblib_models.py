"""The one door for unpickling, and the scikit-learn engine behind it.

A joblib file may run whatever code it names. Three fences stand here: the caller compares size and
SHA-256 of the very bytes with the contract, ``pickle_scan`` reads them to their end without making
anything, and the unpickler itself finds no name that is not on the server's list.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from joblib.numpy_pickle import NumpyUnpickler

from app.adapters.pickles.compression import plain
from app.adapters.pickles.names import Names, shown
from app.adapters.pickles.scan import scan
from app.domain.ports import Matrix, Scores
from app.errors import ModelRejectedError

log = logging.getLogger("gatehouse.models")


def unpickle(payload: bytes, names: Names) -> Any:
    """Return the object in *payload*, whose bytes the caller has compared with a contract.

    The whole file is scanned before anything in it is made, and the names are held to the list
    once more while it is.

    Raises:
        ModelRejectedError: the bytes are no joblib file, name or do what is not listed, or lack
            a library.
    """
    content = plain(payload)
    scan(content, names)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            estimator = _Unpickler(content, names).load()
    except ModelRejectedError:
        raise
    except Exception as error:
        message = f"the file cannot be loaded by joblib: {type(error).__name__}: {shown(error)}"
        raise ModelRejectedError(message) from error
    for warning in said:
        log.warning("model loaded with a warning", extra={"warning": str(warning.message)})
    return estimator


class _Unpickler(NumpyUnpickler):  # type: ignore[misc]
    """joblib's own unpickler, which also opens arrays of objects with this ``find_class``."""

    def __init__(self, content: bytes, names: Names) -> None:
        super().__init__("", BytesIO(content), ensure_native_byte_order=True)
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        """Return what is listed under this name."""
        return self._names.find(module, name).target


class SklearnEngine:
    """A fitted estimator: the reference that every other engine is compared with."""

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
