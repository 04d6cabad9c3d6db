"""From what was sent to the matrix that the model gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from app.domain.contract import Outputs
from app.domain.ports import Matrix
from app.domain.prediction import ServedModel, Wish
from app.domain.sifting import Sifted, sift
from app.errors import FieldError, InputInvalidError
from app.gate.decode import Gaps, PredictBody

_Read = Callable[[Any], Matrix]


def validated(model: ServedModel, body: PredictBody) -> tuple[Matrix, PredictBody]:
    """Return the rows of *body* that *model* answers, shape (n_rows, n_features).

    Where faulty rows are skipped, the body comes back with its gaps.

    Raises:
        InputInvalidError: a row breaks the contract, or the model lacks what is wished for.
        BodyTooLargeError: there are more rows than are taken.
    """
    if body.wish.probabilities or body.wish.scores:
        _check_wish(body.wish, model.contract.outputs)
    read: _Read = model.reader.checked if body.is_in_order else model.reader.matrix
    if not body.skips and body.places is None:
        return read(body.data), body
    try:
        return _sifted(read, body, model) if body.skips else (read(body.data), body)
    except InputInvalidError as error:
        if body.places is None:
            raise
        raise InputInvalidError(body.places.located(error.faults)) from error


def _sifted(read: _Read, body: PredictBody, model: ServedModel) -> tuple[Matrix, PredictBody]:
    lines = body.places
    has_rows = lines is None or len(lines.rows) > 0
    parts, kept, faults = sift(read, body.data) if has_rows else Sifted([], [], [])
    n_rows = len(kept) + len(faults)
    if lines is not None:
        kept, n_rows = [lines.rows[row] for row in kept], len(lines.starts)
        faults = [*lines.located(faults), *lines.faults]
        faults.sort(key=lambda fault: fault.row or 0)
    empty: Matrix = np.empty((0, len(model.contract.features)))
    matrix = np.concatenate(parts) if parts else empty
    return matrix, body._replace(gaps=Gaps(n_rows, kept, faults))


def _check_wish(wish: Wish, outputs: Outputs) -> None:
    lacks = {
        "probabilities": wish.probabilities and not outputs.has_probabilities,
        "scores": wish.scores and not outputs.has_scores,
    }
    faults = [FieldError(None, None, f"'{it}': this model has none") for it in lacks if lacks[it]]
    if faults:
        raise InputInvalidError(faults)
