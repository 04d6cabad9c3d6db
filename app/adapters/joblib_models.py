"""The one door for unpickling, and the scikit-learn engine behind it.

A joblib file runs whatever code it holds. The digest is checked on the very bytes that are then
loaded, and it comes from the contract, which the trainer wrote.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from io import BytesIO
from typing import Any

import joblib
import numpy as np

from app.domain.contract import Artefact
from app.domain.ports import Matrix, Scores
from app.errors import ModelRejectedError

log = logging.getLogger("gatehouse.models")


def check_bytes(payload: bytes, artefact: Artefact) -> None:
    """Pass when size and SHA-256 of *payload* are those of the contract.

    Raises:
        ModelRejectedError: the file was truncated, changed or swapped.
    """
    if len(payload) != artefact.size_bytes:
        raise ModelRejectedError(
            f"the file has {len(payload)} bytes, its contract says {artefact.size_bytes}"
        )
    digest = sha256(payload).hexdigest()
    if not compare_digest(digest, artefact.sha256):
        raise ModelRejectedError(
            f"the file's SHA-256 is {digest[:12]}…, its contract says {artefact.sha256[:12]}…"
        )


def unpickle(payload: bytes) -> Any:
    """Return the object in *payload*, whose origin the caller vouches for.

    Raises:
        ModelRejectedError: the bytes are no joblib file, or lack a library.
    """
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            estimator = joblib.load(BytesIO(payload))
    except Exception as error:
        message = f"the file cannot be loaded by joblib: {type(error).__name__}: {error}"
        raise ModelRejectedError(message) from error
    for warning in said:
        log.warning("model loaded with a warning", extra={"warning": str(warning.message)})
    return estimator


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
