"""What a model answered, as JSON."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import orjson

from app.domain.contract import Contract
from app.domain.ports import Matrix, Probabilities, Scores

_FEW_VALUES: Final = 8  # a list of them is written sooner than an array


def encoded(contract: Contract, scores: Scores, *, with_probabilities: bool) -> bytes:
    """Encode the members that depend on model and input alone, without the outer braces.

    With several targets each row of ``predictions`` and ``probabilities`` has an item for each
    target, in the order of ``targets``; so has ``classes``.
    """
    outputs = contract.outputs
    members: dict[str, object] = {"predictions": _encodable(scores.predictions)}
    if outputs.targets:
        members["targets"] = [target.name for target in outputs.targets]
    if with_probabilities and scores.probabilities is not None:
        members["probabilities"] = _shares(scores.probabilities)
        several = [target.classes for target in outputs.targets]
        members["classes"] = several or outputs.classes
    if scores.scores is not None:
        members["scores"] = _encodable(scores.scores)
    return orjson.dumps(members, _to_list, orjson.OPT_SERIALIZE_NUMPY)[1:-1]


def _shares(probabilities: Probabilities) -> object:
    """Return probabilities by row, then by target."""
    if not isinstance(probabilities, tuple):
        return _encodable(probabilities)
    if len({it.shape for it in probabilities}) == 1:
        return _encodable(np.stack(probabilities, axis=1))
    return [*zip(*(it.tolist() for it in probabilities), strict=True)]


def _encodable(array: Matrix) -> Matrix | list[Any]:
    """Return *array* with each number as Python writes it: orjson shortens a float32."""
    if array.size <= _FEW_VALUES or not array.dtype.isnative:
        return _to_list(array)
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


def _to_list(array: Matrix) -> list[Any]:
    """Return *array* for orjson, which writes no text and no array that is not in order."""
    values: list[Any] = array.tolist()
    return values
