"""Scores as an Arrow stream of one record batch."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from app.domain.contract import Contract, Value
from app.domain.ports import Scores
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

    Labels that are no numbers come as text. The schema's metadata name model, version and
    request_id.
    """
    columns = [_column("prediction", scores.predictions)]
    if wants_probabilities and scores.probabilities is not None:
        names = _class_names(contract, scores.probabilities.shape[1])
        for name, column in zip(names, scores.probabilities.T, strict=True):
            columns.append(_column(f"probability_{name}", column))
    metadata = {
        "model": contract.name,
        "version": contract.version,
        "request_id": request_id,
    }
    schema = _message(_SCHEMA, _schema(columns, metadata), 0)
    return schema + _batch(columns, len(scores.predictions)) + _END


def _class_names(contract: Contract, n_classes: int) -> Iterator[str]:
    classes: Sequence[Value] = contract.outputs.classes or range(n_classes)
    return (_text_of(value) for value in classes)


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _column(name: str, values: npt.NDArray[Any]) -> _Column:
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


def _bytes(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> bytes:
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
