"""From input tensors to rows in the order of a contract's features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Contract, Feature
from app.domain.forms import first
from app.domain.ports import Matrix
from app.errors import BodyTooLargeError, FieldError, InputInvalidError
from app.gate.v2.datatypes import BOOL, BYTES
from app.gate.v2.request import Sent
from app.gate.v2.tensors import Tensor

_Column = tuple[Tensor, npt.NDArray[Any]]


def check_shapes(inputs: Sequence[Sent], contract: Contract, *, most_rows: int) -> None:
    """Pass when *inputs* are one tensor of all features, or one for each.

    Nothing is read for it, so that a shape that lies costs no memory.

    Raises:
        InputInvalidError: they are not.
        BodyTooLargeError: there are more rows than allowed.
    """
    n_rows = inputs[0].shape[0]
    if n_rows > most_rows:
        raise BodyTooLargeError(f"{n_rows} rows; at most {most_rows} are taken.")
    faults = list(first(_faults(inputs, contract)))
    if faults:
        raise InputInvalidError(faults)


def _faults(inputs: Sequence[Sent], contract: Contract) -> Iterator[FieldError]:
    names, only = contract.feature_names, inputs[0]
    if len(inputs) > 1 or (only.name in names and _width(only) == 1):
        yield from _column_faults(inputs, names)
    elif _width(only) != len(names):
        reason = f"must have the shape [rows, {len(names)}], or send one tensor for each feature"
        yield FieldError(None, only.name, reason)


def _column_faults(inputs: Sequence[Sent], names: Sequence[str]) -> Iterator[FieldError]:
    sent, known, n_rows = {it.name for it in inputs}, set(names), inputs[0].shape[0]
    for name in names:
        if name not in sent:
            yield FieldError(None, name, "is absent; send one tensor for each feature")
    for it in inputs:
        if it.name not in known:
            yield FieldError(None, it.name, "is no feature of this model")
        elif _width(it) != 1:
            yield FieldError(None, it.name, "must have the shape [rows] or [rows, 1]")
        elif it.shape[0] != n_rows:
            reason = f"has {it.shape[0]} rows; '{inputs[0].name}' has {n_rows}"
            yield FieldError(None, it.name, reason)


def _width(sent: Sent) -> int:
    return sent.shape[1] if len(sent.shape) > 1 else 1


def rows_of(tensors: Sequence[Tensor], contract: Contract) -> Matrix | list[list[Any]]:
    """Return the rows, shape (n_rows, n_features); lists of values where one is JSON itself.

    Raises:
        InputInvalidError: a tensor's datatype is not of its feature.
    """
    columns = _columns(tensors, contract)
    faults = list(first(_kind_faults(columns, contract.features)))
    if faults:
        raise InputInvalidError(faults)
    if contract.input == "numbers":
        if any(tensor.is_json for tensor in tensors):
            return [list(row) for row in zip(*[it.tolist() for _, it in columns], strict=True)]
        if len(tensors) == 1:
            return tensors[0].values
    matrix: Matrix = np.empty(
        (len(tensors[0].values), len(columns)), float if contract.input == "numbers" else object
    )
    for at, (_, values) in enumerate(columns):
        matrix[:, at] = values
    return matrix


def _columns(tensors: Sequence[Tensor], contract: Contract) -> list[_Column]:
    """Return the tensor and the values of each feature."""
    if len(tensors) == 1:
        return [(tensors[0], column) for column in tensors[0].values.T]
    by_name = {tensor.name: tensor for tensor in tensors}
    return [(by_name[name], by_name[name].values[:, 0]) for name in contract.feature_names]


def _kind_faults(columns: Sequence[_Column], features: Sequence[Feature]) -> Iterator[FieldError]:
    for (tensor, _), feature in zip(columns, features, strict=True):
        if tensor.is_json:
            continue
        is_number = feature.kind in NUMBERS
        if (tensor.datatype == BYTES) == is_number:
            wanted = "numbers" if is_number else "BYTES"
            reason = f"must be a tensor of {wanted}, not of {tensor.datatype}"
            yield FieldError(None, feature.name, reason)
        elif tensor.datatype == BOOL and feature.kind != "bool":
            yield FieldError(None, feature.name, "must be a tensor of numbers, not of BOOL")
