"""Columns of text in Arrow streams, plain and by dictionary."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.contract import Feature
from app.errors import BodyMalformedError, BodyTooLargeError, InputInvalidError, RequestError
from app.gate.arrow.rows import read_rows
from app.gate.room import Room
from test.arrow_streams import a_stream, table_of

FEATURES = (Feature(name="n"), Feature(name="town", kind="category"))
TOWNS = ["Bern", None, "Zürich", "", "Bern", "a\0", "\U0001f600", None, "x" * 300]
NUMBERS = pa.array([1.0, None, *range(7)], pa.float32())


def read(body: bytes, *, max_rows: int = 100, max_bytes: int = 20_000) -> np.ndarray[Any, Any]:
    return read_rows(body, FEATURES, Room(max_rows, max_bytes, len(FEATURES)))


def plain(matrix: np.ndarray[Any, Any]) -> list[list[Any]]:
    """The values with None for NaN."""
    return [[None if value != value else value for value in row] for row in matrix.tolist()]  # noqa: PLR0124


@pytest.mark.parametrize(
    "column",
    [
        pa.array(TOWNS),
        pa.array(TOWNS, pa.large_string()),
        pa.array(TOWNS).dictionary_encode(),
        pa.array(TOWNS, pa.large_string()).dictionary_encode(),
        pa.array(TOWNS).cast(pa.dictionary(pa.int8(), pa.string())),
        pa.array(TOWNS).cast(pa.dictionary(pa.uint64(), pa.string())),
        pa.array(TOWNS).dictionary_encode(null_encoding="encode"),
        pa.array(["never", *TOWNS])[1:],
    ],
    ids=["string", "large", "coded", "large coded", "int8", "uint64", "null coded", "slice"],
)
@pytest.mark.parametrize("rows_in_batch", [None, 1, 4])
def test_text_of_any_storage_is_read(column: pa.Array, rows_in_batch: int | None) -> None:
    matrix = read(a_stream({"town": column, "n": NUMBERS}, rows_in_batch=rows_in_batch))

    assert matrix.dtype == object
    expected = zip(NUMBERS.to_pylist(), TOWNS, strict=True)
    assert plain(matrix) == [list(row) for row in expected]
    assert {type(value) for value in matrix.ravel()} == {float, str}


@pytest.mark.parametrize("emits_deltas", [False, True], ids=["replaced", "lengthened"])
def test_a_dictionary_may_change_between_batches(emits_deltas: bool) -> None:  # noqa: FBT001
    kind = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema({"n": pa.float64(), "town": kind})
    words = ["a", "b", "c"] if emits_deltas else ["c", "b"]
    batches = [
        pa.record_batch([[1.0, 2.0], pa.DictionaryArray.from_arrays([0, 1], ["a", "b"])], schema),
        pa.record_batch([[3.0, 4.0], pa.DictionaryArray.from_arrays([1, 0], words)], schema),
    ]
    batches = [batch.cast(schema) for batch in batches]
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=emits_deltas)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)

    found = read(sink.getvalue())[:, 1].tolist()

    assert found == ["a", "b", "b", "a" if emits_deltas else "c"]


def test_a_column_of_nulls_is_text_that_is_missing() -> None:
    assert plain(read(a_stream({"n": [1.0], "town": pa.nulls(1)}))) == [[1.0, None]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.0]),
        pa.array([True]),
        pa.array([b"x"]),
        pa.array(["x"], pa.string_view()),
        pa.array([1]).dictionary_encode(),
        pa.array([["x"]]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_that_is_no_text_is_named(column: pa.Array) -> None:
    with pytest.raises(InputInvalidError) as caught:
        read(a_stream({"n": [1.0], "town": column}))

    [fault] = caught.value.faults
    reason = "must be a column of text, of a dictionary of text, or of nulls"
    assert (fault.row, fault.feature, fault.reason) == (None, "town", reason)


def test_a_dictionary_cannot_make_a_short_body_long() -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 90, pa.int8()), ["x" * 1_000])
    body = a_stream({"n": [1.0] * 90, "town": coded})

    assert len(body) < 20_000
    with pytest.raises(BodyTooLargeError, match="texts are longer than 20000 bytes"):
        read(body)
    assert len(read(body, max_bytes=90_000)) == 90


def test_text_that_is_no_text_is_refused() -> None:
    body = a_stream({"n": [1.0], "town": ["Zürich"]})

    with pytest.raises(BodyMalformedError):
        read(body.replace("ü".encode(), b"\xc3\x28"))


def test_a_stream_of_text_is_whole_or_refused() -> None:
    body = a_stream({"n": [1.0, 2.0], "town": pa.array(["a", "b"]).dictionary_encode()})

    assert len(read(body)) == 2
    for length in range(len(body)):
        with pytest.raises(BodyMalformedError):
            read(body[:length])


STREAMS = (
    a_stream({"town": TOWNS, "n": NUMBERS}),
    a_stream({"town": pa.array(TOWNS, pa.large_string()), "n": NUMBERS}, rows_in_batch=4),
    a_stream({"town": pa.array(TOWNS).dictionary_encode(), "n": NUMBERS}),
)
WORDS = st.sampled_from([0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0, 1, 8, 0xFFFF]) | st.integers(0, 999)


def as_pyarrow_reads(body: bytes) -> list[list[Any]] | None:
    try:
        table = table_of(body)
        columns = [table.column(feature.name).to_pylist() for feature in FEATURES]
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None
    return [
        [None if value != value else value for value in row]  # noqa: PLR0124
        for row in zip(*columns, strict=True)
    ]


@settings(max_examples=400)
@given(st.sampled_from(STREAMS), st.data())
def test_a_damaged_stream_is_read_as_pyarrow_reads_it_or_refused(whole: bytes, draw: Any) -> None:
    body = bytearray(whole)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(body) // 4 - 1)) * 4
        if draw.draw(st.booleans()):
            body[at] ^= 1 << draw.draw(st.integers(0, 7))
        else:
            struct.pack_into("<I", body, at, draw.draw(WORDS))
    try:
        found = plain(read(bytes(body)))
    except RequestError as error:
        assert str(error)  # noqa: PT017  both outcomes are right
        return
    expected = as_pyarrow_reads(bytes(body))
    assert expected is None or found == expected
