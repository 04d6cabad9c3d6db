"""Rows from an Arrow stream: record batches of plain columns to one matrix.

https://arrow.apache.org/docs/format/Columnar.html tells the format. A stream may hold anything:
each extent is compared with what is there before a byte of it is read, and NumPy reads no further.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from app.domain.contract import NUMBERS, Feature
from app.domain.ports import Matrix
from app.errors import BodyMalformedError, BodyTooLargeError, FieldError, InputInvalidError
from app.gate.arrow.columns import CodedTexts, Column, Texts, booleans, nulls, numbers
from app.gate.arrow.fields import N_BUFFERS, Field, fields_of
from app.gate.arrow.tables import Table
from app.gate.room import Room

# Each batch costs some microseconds a column, however few its rows are.
MAX_BATCHES: Final = 256
_CONTINUATION: Final = 0xFFFFFFFF
_VERSIONS: Final = (3, 4)  # V4 and V5: since Arrow 0.8
_SCHEMA, _DICTIONARY, _RECORD_BATCH = 1, 2, 3
# Rows put into the matrix at once, column by column, so that the part of it stays in the cache.
_BLOCK: Final = 2_048
_Values = Column | Texts | CodedTexts


class _Message(NamedTuple):
    kind: int
    header: Table
    body: memoryview


class _Batch(NamedTuple):
    n_rows: int
    columns: list[_Values]


def read_rows(body: bytes, features: Sequence[Feature], room: Room) -> Matrix:
    """Return the rows of an Arrow stream, in the order of *features*.

    Args:
        body: whatever was sent.
        features: the columns that must be there, in any order, and no others.
        room: for the rows, and for their texts, so that a short body fills no memory.

    Returns:
        Shape (n_rows, n_features), NaN for null; n_rows is 1 or more. float64, or objects where a
        feature is no number.

    Raises:
        BodyMalformedError: it is no Arrow stream, or one in a form that is not read.
        InputInvalidError: there are other columns, or a column of another kind.
        BodyTooLargeError: there are more rows, or longer texts.
    """
    try:
        messages = _messages(body)
        fields = _fields(next(messages), features)
        batches, n_rows, dictionaries = [], 0, _Dictionaries(fields)
        for message in messages:
            if message.kind == _DICTIONARY:
                dictionaries.read(message)
                continue
            n_rows += max(0, message.header.number(0, "q"))
            room.check(n_rows, "rows or more")  # before it is made
            batches.append(_batch(message, fields, dictionaries.words))
        if n_rows == 0:
            raise InputInvalidError([FieldError(None, None, "the stream must hold rows")])
        _check_texts(batches, room.max_bytes)
        with np.errstate(invalid="ignore"):  # of NaN there are some that NumPy warns of
            return _matrix(batches, fields, features, n_rows)
    except (struct.error, ValueError, OverflowError, StopIteration) as error:
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


def _fields(message: _Message, features: Sequence[Feature]) -> list[Field]:
    if message.kind != _SCHEMA:
        raise ValueError("no schema")
    return fields_of(message.header, features)


class _Dictionaries:
    """The dictionaries of a stream, as far as it has been read."""

    def __init__(self, fields: Sequence[Field]) -> None:
        coded = [field for field in fields if field.dictionary is not None]
        self._offsets = {field.dictionary: field.offsets for field in coded}
        if any(self._offsets[field.dictionary] != field.offsets for field in coded):
            raise ValueError("a dictionary has two types")
        self.words: dict[int | None, list[str | float]] = {}

    def read(self, message: _Message) -> None:
        """Take a dictionary, which may replace the one before it or lengthen it."""
        number, batch = message.header.number(0, "q"), message.header.table(1)
        if batch is None or number not in self._offsets:
            raise ValueError("a dictionary that no column has")
        n_rows, gaps, buffers = _extents(batch, message.body, n_columns=1, n_buffers=3)
        words = Texts(iter(buffers), self._offsets[number], n_rows, gaps[0]).values()
        is_more = message.header.number(2, "B")
        self.words[number] = [*self.words.get(number, ()), *words] if is_more else words


def _batch(
    message: _Message,
    fields: Sequence[Field],
    dictionaries: Mapping[int | None, Sequence[str | float]],
) -> _Batch:
    if message.kind != _RECORD_BATCH:
        raise ValueError("neither a dictionary nor a record batch")
    n_buffers = sum(N_BUFFERS[field.storage] for field in fields)
    n_rows, gaps, extents = _extents(
        message.header, message.body, n_columns=len(fields), n_buffers=n_buffers
    )
    buffers = iter(extents)
    columns: list[_Values] = []
    for field, n_gaps in zip(fields, gaps, strict=True):
        match field.storage:
            case "null":
                columns.append(nulls(n_rows))
            case "bool":
                columns.append(booleans(buffers, n_rows, n_gaps))
            case "number":
                columns.append(numbers(buffers, field.dtype, n_rows, n_gaps))
            case "text":
                columns.append(Texts(buffers, field.dtype, n_rows, n_gaps))
            case "coded":
                words = dictionaries.get(field.dictionary, ())
                columns.append(CodedTexts(buffers, field.dtype, n_rows, n_gaps, words))
    return _Batch(n_rows, columns)


def _extents(
    header: Table, body: memoryview, *, n_columns: int, n_buffers: int
) -> tuple[int, list[int], list[memoryview]]:
    """Return rows, gaps of each column, and the buffers, each of which lies inside of *body*."""
    if header.table(3) is not None:
        raise BodyMalformedError("Send the Arrow stream without compression of its buffers.")
    n_rows = header.number(0, "q")
    nodes, extents = header.pairs(1), header.pairs(2)
    if n_rows < 0 or len(nodes) != n_columns or len(extents) != n_buffers:
        raise ValueError("a batch does not fit the schema")
    lengths, gaps = nodes.T
    if (lengths != n_rows).any() or (gaps < 0).any() or (gaps > n_rows).any():
        raise ValueError("a column is longer or shorter than its batch")
    starts, sizes = extents.T
    n_bytes = len(body)
    if ((starts < 0) | (starts > n_bytes) | (sizes < 0) | (sizes > n_bytes - starts)).any():
        raise ValueError("a buffer lies outside")
    buffers = [body[start : start + size] for start, size in extents.tolist()]
    return n_rows, gaps.tolist(), buffers


def _check_texts(batches: Sequence[_Batch], most: int) -> None:
    """Hold back texts that a dictionary, or a buffer of many columns, repeats without end."""
    columns = chain.from_iterable(batch.columns for batch in batches)
    if sum(it.n_bytes for it in columns if isinstance(it, Texts | CodedTexts)) > most:
        raise BodyTooLargeError(f"The texts are longer than {most} bytes.")


def _matrix(
    batches: Sequence[_Batch], fields: Sequence[Field], features: Sequence[Feature], n_rows: int
) -> Matrix:
    is_numeric = all(feature.kind in NUMBERS for feature in features)
    matrix: Matrix = np.empty((n_rows, len(fields)), np.float64 if is_numeric else object)
    at = 0
    for batch in batches:
        columns = [it if isinstance(it, np.ndarray) else it.values() for it in batch.columns]
        for start in range(0, batch.n_rows, _BLOCK):
            stop = min(start + _BLOCK, batch.n_rows)
            for field, column in zip(fields, columns, strict=True):
                matrix[at + start : at + stop, field.feature] = column[start:stop]
        at += batch.n_rows
    return matrix
