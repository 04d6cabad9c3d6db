"""Rows from an Arrow stream: record batches of plain columns to one matrix.

https://arrow.apache.org/docs/format/Columnar.html tells the format. A stream may hold anything:
each extent is compared with what is there before a byte of it is read, and NumPy reads no further.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.contract import Feature
from app.domain.ports import FloatArray
from app.errors import BodyMalformedError, BodyTooLargeError, FieldError, InputInvalidError
from app.gate.arrow.tables import Table

# Each batch costs some microseconds a column, however few its rows are.
MAX_BATCHES: Final = 256
_CONTINUATION: Final = 0xFFFFFFFF
_VERSIONS: Final = (3, 4)  # V4 and V5: since Arrow 0.8
_SCHEMA, _RECORD_BATCH = 1, 3
_NULL, _INT, _FLOAT, _BOOL = 1, 2, 3, 6
_FLOATS: Final = {0: "<f2", 1: "<f4", 2: "<f8"}
# Rows put into the matrix at once, column by column, so that the part of it stays in the cache.
_BLOCK: Final = 2_048
_Column = npt.NDArray[Any]


class _Message(NamedTuple):
    kind: int
    header: Table
    body: memoryview


class _Field(NamedTuple):
    """A column of the stream: the place of its feature, and what its values are in NumPy.

    ``code`` is a dtype, or ``null`` or ``bool``, which Arrow keeps in its own way.
    """

    feature: int
    code: str


class _Batch(NamedTuple):
    n_rows: int
    gaps: list[int]
    buffers: list[memoryview]


def read_rows(
    body: bytes, features: Sequence[Feature], *, max_rows: int, max_bytes: int
) -> FloatArray:
    """Return the rows of an Arrow stream, in the order of *features*.

    Args:
        body: whatever was sent.
        features: the columns that must be there, in any order, and no others.
        max_rows: rows in one request.
        max_bytes: of the rows as float64, so that a short body fills no memory.

    Returns:
        float64, shape (n_rows, n_features), NaN for null; n_rows is 1 or more.

    Raises:
        BodyMalformedError: it is no Arrow stream, or one in a form that is not read.
        InputInvalidError: there are other columns, or a column of another kind.
        BodyTooLargeError: there are more rows.
    """
    most = min(max_rows, max_bytes // (8 * len(features)))
    try:
        messages = _messages(body)
        fields = _fields(next(messages), features)
        batches, n_rows = [], 0
        for message in messages:
            batches.append(_batch(message, fields))
            n_rows += batches[-1].n_rows
            if n_rows > most:
                raise BodyTooLargeError(f"{n_rows} rows or more; at most {most} are taken.")
        with np.errstate(invalid="ignore"):  # of NaN there are some that NumPy warns of
            return _matrix(batches, fields, n_rows)
    except (struct.error, ValueError, StopIteration) as error:
        raise BodyMalformedError("The body is no Arrow stream, or it is damaged.") from error


def _messages(body: bytes) -> Iterator[_Message]:
    """Go through the messages up to the end mark, which must be the end."""
    view = memoryview(body)
    at = 0
    for _ in range(MAX_BATCHES + 2):
        mark, size = struct.unpack_from("<Ii", view, at)
        at += 8
        if mark != _CONTINUATION or not 0 <= size <= len(view) - at:
            raise ValueError("a message begins in another way")
        if size == 0:
            if at != len(view):
                raise ValueError("there is more after the end")
            return
        root = Table.root(view[at : at + size])
        at += size
        n_bytes = root.number(3, "q")
        header = root.table(2)
        if header is None or root.number(0, "h") not in _VERSIONS:
            raise ValueError("a message of another version")
        if not 0 <= n_bytes <= len(view) - at:
            raise ValueError("a message ends outside")
        yield _Message(root.number(1, "B"), header, view[at : at + n_bytes])
        at += n_bytes
    raise BodyMalformedError(f"Send at most {MAX_BATCHES} record batches in one stream.")


def _fields(message: _Message, features: Sequence[Feature]) -> list[_Field]:
    """Return the columns of the stream, as soon as they are just the features."""
    schema = message.header
    if message.kind != _SCHEMA or schema.number(0, "h") != 0:
        raise ValueError("no schema, or not in little endian")
    n_columns = schema.count(1)
    if n_columns > len(features) + InputInvalidError.MAX_FAULTS:
        raise BodyMalformedError(f"The stream has {n_columns} columns; send one for each feature.")
    places = {feature.name: place for place, feature in enumerate(features)}
    found = [(field.text(0), field) for field in schema.tables(1)]
    faults = [*_name_faults(places, [name for name, _ in found])]
    if faults:
        raise InputInvalidError(faults)
    fields = [_Field(places[name], _code(name, field)) for name, field in found]
    for place, code in fields:
        if code == "bool" and features[place].kind != "bool":
            reason = "must be a column of numbers or nulls, not of booleans"
            raise InputInvalidError([FieldError(None, features[place].name, reason)])
    return fields


def _name_faults(places: Mapping[str, int], names: Sequence[str]) -> Iterator[FieldError]:
    sent = set(names)
    for name in places:
        if name not in sent:
            yield FieldError(None, name, "is absent; send a column of nulls if it is missing")
    for name in names:
        if name not in places:
            yield FieldError(None, name[:200], "is no feature of this model")
    if len(sent) < len(names):
        twice = min(name for name in sent if names.count(name) > 1)
        yield FieldError(None, twice[:200], "stands twice")


def _code(name: str, field: Table) -> str:
    kind, details = field.number(2, "B"), field.table(3)
    if field.table(4) is None and details is not None:
        if kind in {_NULL, _BOOL}:
            return "null" if kind == _NULL else "bool"
        if kind == _FLOAT and details.number(0, "h") in _FLOATS:
            return _FLOATS[details.number(0, "h")]
        if kind == _INT and details.number(0, "i") in {8, 16, 32, 64}:
            return f"<{'i' if details.number(1, 'B') else 'u'}{details.number(0, 'i') // 8}"
    reason = "must be a plain column of numbers, booleans or nulls"
    raise InputInvalidError([FieldError(None, name, reason)])


def _batch(message: _Message, fields: Sequence[_Field]) -> _Batch:
    """Return a batch whose every buffer lies inside of the message."""
    header = message.header
    if message.kind != _RECORD_BATCH:
        raise BodyMalformedError("Send an Arrow stream of record batches, without dictionaries.")
    if header.table(3) is not None:
        raise BodyMalformedError("Send the Arrow stream without compression of its buffers.")
    n_rows = header.number(0, "q")
    nodes, extents = header.pairs(1), header.pairs(2)
    n_buffers = 2 * sum(field.code != "null" for field in fields)
    if n_rows < 0 or len(nodes) != len(fields) or len(extents) != n_buffers:
        raise ValueError("a batch does not fit the schema")
    lengths, gaps = nodes.T
    if (lengths != n_rows).any() or (gaps < 0).any() or (gaps > n_rows).any():
        raise ValueError("a column is longer or shorter than its batch")
    starts, sizes = extents.T
    n_bytes = len(message.body)
    if ((starts < 0) | (starts > n_bytes) | (sizes < 0) | (sizes > n_bytes - starts)).any():
        raise ValueError("a buffer lies outside")
    buffers = [message.body[start : start + size] for start, size in extents.tolist()]
    return _Batch(n_rows, gaps.tolist(), buffers)


def _matrix(batches: Sequence[_Batch], fields: Sequence[_Field], n_rows: int) -> FloatArray:
    if n_rows == 0:
        raise InputInvalidError([FieldError(None, None, "the stream must hold rows")])
    matrix = np.empty((n_rows, len(fields)))
    at = 0
    for batch in batches:
        columns = [*_columns(batch, fields)]
        for start in range(0, batch.n_rows, _BLOCK):
            stop = min(start + _BLOCK, batch.n_rows)
            for field, column in zip(fields, columns, strict=True):
                matrix[at + start : at + stop, field.feature] = column[start:stop]
        at += batch.n_rows
    return matrix


def _columns(batch: _Batch, fields: Sequence[_Field]) -> Iterator[_Column]:
    buffers = iter(batch.buffers)
    for field, n_gaps in zip(fields, batch.gaps, strict=True):
        if field.code == "null":
            yield np.full(batch.n_rows, np.nan)
            continue
        validity, data = next(buffers), next(buffers)
        is_bool = field.code == "bool"
        values = _bits(data, batch.n_rows) if is_bool else _numbers(data, field.code, batch.n_rows)
        yield _with_gaps(values, validity, n_gaps)


def _numbers(data: memoryview, code: str, n_rows: int) -> _Column:
    return np.frombuffer(data, code, n_rows) if n_rows else np.empty(0)


def _bits(data: memoryview, n_rows: int) -> _Column:
    n_bytes = (n_rows + 7) // 8
    packed = np.frombuffer(data, np.uint8, n_bytes) if n_rows else np.empty(0, np.uint8)
    return np.unpackbits(packed, count=n_rows, bitorder="little")


def _with_gaps(values: _Column, validity: memoryview, n_gaps: int) -> _Column:
    if not n_gaps and not len(validity):
        return values
    missing = _bits(validity, len(values)) == 0
    if np.count_nonzero(missing) != n_gaps:
        raise ValueError("the gaps of a column are not as many as it says")
    filled = values.astype(np.float64)
    filled[missing] = np.nan
    return filled
