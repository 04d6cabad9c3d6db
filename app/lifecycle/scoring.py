"""Rows to answers outside of the gateway, in batches and streams: by the rules of inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.contract import Contract
from app.domain.ports import Matrix, Scores
from app.domain.prediction import ServedModel
from app.domain.sifting import sift
from app.errors import FieldError, OperatorError

_MODEL: Final = re.compile(r"(?P<name>[^@]+)(@(?P<version>.+))?")
PREDICTION: Final = "prediction"
Numbers = Sequence[int] | npt.NDArray[np.int64]


class Scored(NamedTuple):
    """What became of some rows.

    Attributes:
        kept: the number of each row that was answered.
        scores: the answers to these; None where there is none.
        faults: what is wrong with each other row, in their order.
    """

    kept: Numbers
    scores: Scores | None
    faults: Sequence[FieldError]


def model_named(text: str) -> tuple[str, str | None]:
    """Return name and version of ``NAME[@VERSION]``.

    Raises:
        OperatorError: it is neither.
    """
    found = _MODEL.fullmatch(text)
    if found is None:
        raise OperatorError(f"{text!r} names no model. Fix: NAME or NAME@VERSION, as diabetes@3")
    return found["name"], found["version"]


def score(model: ServedModel, data: Any) -> Scored:
    """Answer the rows of *data* that keep the model's contract, and say what is wrong with others.

    Args:
        model: open and verified.
        data: whatever a request may hold: a list of rows, an object of columns, or an array, shape
            (n_rows, n_features), which may be changed.

    Raises:
        InputInvalidError: there is a fault that is not of one row.
    """
    parts, kept, faults = sift(model.reader.matrix, data)
    if not parts:
        return Scored([], None, faults)
    return answered(model, parts[0] if len(parts) == 1 else np.concatenate(parts), kept, faults)


def answered(
    model: ServedModel, matrix: Matrix, kept: Numbers, faults: Sequence[FieldError]
) -> Scored:
    """Answer rows that keep the contract; where the model refuses some, say so and answer others.

    Args:
        model: open and verified.
        matrix: as the model's reader gives it, shape (n_kept, n_features).
        kept: the number of each of its rows.
        faults: what is wrong with each other row, in their order.
    """
    if not len(matrix):
        return Scored([], None, faults)
    try:
        return Scored(kept, model.engine.predict(matrix), faults)
    except ValueError:
        if not matrix.dtype.hasobject:
            raise
    return _singly(model, matrix, kept, faults)


def _singly(
    model: ServedModel, matrix: Matrix, kept: Numbers, faults: Sequence[FieldError]
) -> Scored:
    """Answer row by row: the model refuses values that keep its contract, such as a text."""
    found: list[Scores] = []
    left: list[int] = []
    refused = list(faults)
    for place, number in enumerate(kept):
        try:
            found.append(model.engine.predict(matrix[place : place + 1]))
            left.append(int(number))
        except ValueError:
            reason = "the model refuses these values, although they keep its contract"
            refused.append(FieldError(int(number), None, reason))
    refused.sort(key=lambda fault: -1 if fault.row is None else fault.row)
    return Scored(left, _joined(found) if found else None, refused)


def _joined(parts: Sequence[Scores]) -> Scores:
    predictions = np.concatenate([it.predictions for it in parts])
    shares = [it.probabilities for it in parts if it.probabilities is not None]
    if not shares:
        return Scores(predictions, None)
    if isinstance(shares[0], tuple):
        return Scores(predictions, tuple(map(np.concatenate, zip(*shares, strict=True))))
    return Scores(predictions, np.concatenate(shares))


def columns_of(contract: Contract, scores: Scores) -> dict[str, Matrix]:
    """Return *scores* as named columns, each of shape (n_rows,).

    ``prediction``, or ``prediction_<target>`` of several; with probabilities
    ``probability_<class>``, or ``probability_<target>_<class>``.
    """
    outputs = contract.outputs
    if not outputs.targets:
        columns = {PREDICTION: scores.predictions}
        if isinstance(scores.probabilities, np.ndarray):
            columns |= _shares("probability", outputs.classes or (), scores.probabilities)
        return columns
    columns = {
        f"{PREDICTION}_{it.name}": scores.predictions[:, place]
        for place, it in enumerate(outputs.targets)
    }
    if isinstance(scores.probabilities, tuple):
        for it, shares in zip(outputs.targets, scores.probabilities, strict=True):
            columns |= _shares(f"probability_{it.name}", it.classes or (), shares)
    return columns


def _shares(prefix: str, classes: Sequence[Any], shares: Matrix) -> dict[str, Matrix]:
    return {f"{prefix}_{label}": shares[:, place] for place, label in enumerate(classes)}
