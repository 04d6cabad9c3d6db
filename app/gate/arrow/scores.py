"""Scores as an Arrow stream of one record batch."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from app.domain.contract import Contract, Outputs, Value
from app.domain.ports import FloatArray, Matrix, Probabilities, Scores
from app.gate.arrow.nodes import Node, buffer, padded, pairs, scalar, table, text, vector

_CONTINUATION: Final = 0xFFFFFFFF
_END: Final = struct.pack("<Ii", _CONTINUATION, 0)
_V5: Final = 4
_SCHEMA, _RECORD_BATCH = 1, 3
_INT, _FLOAT, _TEXT, _BOOL = 2, 3, 5, 6
_DOUBLE: Final = 2
_TRUE: Final = scalar("B", 1)


class _Column(NamedTuple):
    """``kind`` and ``details`` are of Arrow's type; ``buffers`` come after an empty validity."""

    name: str
    kind: int
    details: Node
    buffers: tuple[bytes, ...]


def write_scores(
    contract: Contract, scores: Scores, request_id: str, *, wants_probabilities: bool
) -> bytes:
    """Return a stream with ``prediction`` and, if wanted, ``probability_<class>`` of each class.

    Of several targets there are ``prediction_<target>`` and ``probability_<target>_<class>``; the
    scores, where there are some, are ``score`` or ``score_<class>``. Labels that are no numbers
    come as text. The schema's metadata name model, version and request_id.
    """
    columns = [*_predictions(contract.outputs, scores.predictions)]
    if wants_probabilities and scores.probabilities is not None:
        columns += _probabilities(contract.outputs, scores.probabilities)
    if scores.scores is not None:
        columns += _scores(contract.outputs, scores.scores)
    metadata = {
        "model": contract.name,
        "version": contract.version,
        "request_id": request_id,
    }
    schema = _message(_SCHEMA, _schema(columns, metadata), 0)
    return schema + _batch(columns, len(scores.predictions)) + _END


def _predictions(outputs: Outputs, predictions: Matrix) -> Iterator[_Column]:
    if predictions.ndim == 1:
        yield _column("prediction", predictions)
        return
    for name, column in zip(_target_names(outputs, predictions), predictions.T, strict=True):
        yield _column(f"prediction_{name}", _alike(column))


def _probabilities(outputs: Outputs, probabilities: Probabilities) -> Iterator[_Column]:
    if not isinstance(probabilities, tuple):
        yield from _shares("probability", outputs.classes, probabilities)
        return
    names = _target_names(outputs, np.empty((0, len(probabilities))))
    classes = [it.classes for it in outputs.targets] or [None] * len(probabilities)
    for name, known, shares in zip(names, classes, probabilities, strict=True):
        yield from _shares(f"probability_{name}", known, shares)


def _scores(outputs: Outputs, scores: FloatArray) -> Iterator[_Column]:
    if scores.ndim == 1:
        yield _column("score", scores)
        return
    known = outputs.classes or tuple(target.name for target in outputs.targets)
    yield from _shares("score", known, scores)


def _shares(prefix: str, classes: Sequence[Value] | None, shares: FloatArray) -> Iterator[_Column]:
    """Return a column for each class; where their number is another, they are numbered."""
    n_classes = shares.shape[1]
    names: Sequence[Value] = classes if classes and len(classes) == n_classes else range(n_classes)
    for name, column in zip(names, shares.T, strict=True):
        yield _column(f"{prefix}_{_text_of(name)}", column)


def _target_names(outputs: Outputs, predictions: Matrix) -> list[str]:
    n_targets = predictions.shape[1]
    names = [target.name for target in outputs.targets]
    return names if len(names) == n_targets else [*map(str, range(n_targets))]


def _alike(column: Matrix) -> Matrix:
    """Return the answers to one target as numbers or truths, where all of them are."""
    if not column.dtype.hasobject or len(set(map(type, column.tolist()))) != 1:
        return column
    return np.array(column.tolist())


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _column(name: str, values: Matrix) -> _Column:
    kind = values.dtype.kind
    if kind == "f":
        return _Column(name, _FLOAT, table(scalar("h", _DOUBLE)), (_bytes(values, np.float64),))
    if kind == "b":
        return _Column(name, _BOOL, table(), (np.packbits(values, bitorder="little").tobytes(),))
    if kind in "iu":
        details = table(scalar("i", 64), _TRUE if kind == "i" else None)
        return _Column(name, _INT, details, (_bytes(values, np.dtype(f"{kind}8")),))
    coded = [_text_of(value).encode() for value in values.tolist()]
    ends = np.cumsum([0, *map(len, coded)])
    return _Column(name, _TEXT, table(), (_bytes(ends, np.int32), b"".join(coded)))


def _bytes(values: Matrix, dtype: npt.DTypeLike) -> bytes:
    return values.astype(np.dtype(dtype).newbyteorder("<"), copy=False).tobytes()


def _schema(columns: Sequence[_Column], metadata: Mapping[str, str]) -> Node:
    fields = [
        table(text(c.name), _TRUE, scalar("B", c.kind), c.details, None, vector([]))
        for c in columns
    ]
    told = [table(text(name), text(value)) for name, value in metadata.items()]
    return table(None, vector(fields), vector(told))


def _batch(columns: Sequence[_Column], n_rows: int) -> bytes:
    extents, parts, at = [], [], 0
    for column in columns:
        for data in (b"", *column.buffers):  # no validity: nothing is missing
            extents.append((at, len(data)))
            parts.append(padded(data))
            at += len(parts[-1])
    header = table(scalar("q", n_rows), pairs([(n_rows, 0)] * len(columns)), pairs(extents))
    return _message(_RECORD_BATCH, header, at) + b"".join(parts)


def _message(kind: int, header: Node, n_bytes: int) -> bytes:
    root = table(scalar("h", _V5), scalar("B", kind), header, scalar("q", n_bytes))
    described = buffer(root)
    return struct.pack("<Ii", _CONTINUATION, len(described)) + described
