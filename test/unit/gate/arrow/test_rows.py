from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.contract import Feature
from app.errors import BodyMalformedError, BodyTooLargeError, InputInvalidError, RequestError
from app.gate.arrow.rows import MAX_BATCHES, read_rows
from app.gate.room import Room
from test.arrow_streams import a_stream, table_of

AB = (Feature(name="a"), Feature(name="b"))
MIXED = (Feature(name="yes", kind="bool"), Feature(name="none"), Feature(name="n", kind="int"))
END = struct.pack("<Ii", 0xFFFFFFFF, 0)
A_STREAM = a_stream({"a": [1.5, None, -0.0], "b": pa.array([1, 2, 3], pa.int16())})


def read(
    body: bytes, features: tuple[Feature, ...] = AB, *, max_rows: int = 100, max_bytes: int = 9_999
) -> np.ndarray[Any, Any]:
    return read_rows(body, features, Room(max_rows, max_bytes, len(features)))


def faults_of(body: bytes, features: tuple[Feature, ...] = AB) -> list[tuple[Any, ...]]:
    with pytest.raises(InputInvalidError) as caught:
        read(body, features)
    return [(fault.row, fault.feature, fault.reason) for fault in caught.value.faults]


def test_columns_are_put_into_the_order_of_the_contract() -> None:
    matrix = read(a_stream({"b": [1.0, 2.0], "a": [3.0, 4.0]}))

    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    assert matrix.tolist() == [[3.0, 1.0], [4.0, 2.0]]


def test_a_name_that_no_feature_can_have_is_not_even_copied() -> None:
    with pytest.raises(BodyMalformedError):
        read(a_stream({"a": [1.0], "b" * 801: [2.0]}))


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64()),
    ],
    ids=str,
)
def test_numbers_of_any_width_are_read(kind: pa.DataType) -> None:
    column = pa.array([0, 100, None, 7], kind)

    matrix = read(a_stream({"a": column, "b": column.drop_null().take([0, 1, 2, 2])}))

    assert np.array_equal(matrix[:, 0], [0, 100, np.nan, 7], equal_nan=True)
    assert matrix[:, 1].tolist() == [0, 100, 7, 7]


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**53 + 1, 2**64 - 1])
def test_a_large_integer_is_the_nearest_float(value: int) -> None:
    kind = pa.uint64() if value >= 2**63 else pa.int64()

    assert read(a_stream({"a": pa.array([value], kind), "b": [0]}))[0, 0] == float(value)


def test_booleans_and_columns_of_nulls_are_read() -> None:
    columns = {"yes": [True, None, False] * 7, "none": pa.nulls(21), "n": [1] * 21}

    matrix = read(a_stream(columns), MIXED)

    assert np.array_equal(matrix[:, 0], [1, np.nan, 0] * 7, equal_nan=True)
    assert np.isnan(matrix[:, 1]).all()


@pytest.mark.parametrize("rows_in_batch", [1, 7, 8, 50])
def test_several_batches_are_one_request(rows_in_batch: int) -> None:
    values = [None if number % 5 == 0 else number / 4 for number in range(50)]
    columns = {"a": values, "b": pa.array(range(50), pa.int32())}

    matrix = read(a_stream(columns, rows_in_batch=rows_in_batch))

    expected = [np.nan if value is None else value for value in values]
    assert np.array_equal(matrix[:, 0], expected, equal_nan=True)
    assert matrix[:, 1].tolist() == list(range(50))


def test_more_rows_than_a_block_keep_their_order() -> None:
    values = np.random.default_rng(1).normal(size=(5_000, 2))

    stream = a_stream({"b": values[:, 1], "a": values[:, 0]})

    assert np.array_equal(read(stream, max_rows=5_000, max_bytes=values.nbytes), values)


def test_nan_is_a_missing_value_however_it_is_written() -> None:
    signalling = np.array([0x7F800001], np.uint32).view(np.float32)

    assert np.isnan(read(a_stream({"a": signalling, "b": [np.nan]}))).all()


@pytest.mark.parametrize(
    ("columns", "faults"),
    [
        ({"a": [1]}, [(None, "b", "is absent; send a column of nulls if it is missing")]),
        ({"a": [1], "b": [1], "c": ["x"]}, [(None, "c", "is no feature of this model")]),
        (
            {"A": [1], "b": [1]},
            [
                (None, "a", "is absent; send a column of nulls if it is missing"),
                (None, "A", "is no feature of this model"),
            ],
        ),
        (
            {"a": [1], "b": [True]},
            [(None, "b", "must be a column of numbers or nulls, not of booleans")],
        ),
    ],
    ids=["absent", "more", "another case", "booleans"],
)
def test_columns_that_are_not_the_features_are_named(
    columns: dict[str, Any], faults: list[tuple[Any, ...]]
) -> None:
    assert faults_of(a_stream(columns)) == faults


def test_a_column_that_stands_twice_is_named() -> None:
    table = pa.Table.from_arrays([pa.array([1])] * 3, ["a", "b", "a"])

    assert faults_of(a_stream(table)) == [(None, "a", "stands twice")]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["1"]),
        pa.array([b"1"]),
        pa.array(["1"], pa.string_view()),
        pa.array([[1.0]]),
        pa.array([[1.0]], pa.list_(pa.float64(), 1)),
        pa.array([{"x": 1}]),
        pa.array([1]).dictionary_encode(),
        pa.array([1], pa.decimal128(5)),
        pa.array([0], pa.timestamp("us")),
        pa.array([0], pa.duration("s")),
        pa.array([0], pa.date32()),
        pa.RunEndEncodedArray.from_arrays([1], [1.0]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_of_another_kind_is_named(column: pa.Array) -> None:
    reason = "must be a plain column of numbers, booleans or nulls"

    assert faults_of(a_stream({"a": [1], "b": column})) == [(None, "b", reason)]


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_buffers_are_refused(compression: str) -> None:
    with pytest.raises(BodyMalformedError, match="without compression"):
        read(a_stream({"a": [1.0] * 99, "b": [1.0] * 99}, compression=compression))


@pytest.mark.parametrize(
    "columns", [{"a": [], "b": []}, {"a": pa.nulls(0), "b": pa.nulls(0)}], ids=["empty", "nulls"]
)
def test_a_stream_without_rows_is_refused(columns: dict[str, Any]) -> None:
    fault = (None, None, "the stream must hold rows")

    assert faults_of(a_stream(columns)) == [fault]
    table = pa.table(columns)
    assert faults_of(table.schema.serialize().to_pybytes() + END) == [fault]


def test_too_many_rows_are_told_however_short_the_body_is() -> None:
    nulls = a_stream({"a": pa.nulls(10_000_000), "b": pa.nulls(10_000_000)})

    assert len(nulls) < 1_000
    with pytest.raises(BodyTooLargeError, match="at most 100 are taken"):
        read(nulls)
    with pytest.raises(BodyTooLargeError, match="at most 50 are taken"):
        read(a_stream({"a": [1] * 60, "b": [1] * 60}, rows_in_batch=20), max_bytes=50 * 2 * 8)


def test_too_many_batches_are_refused() -> None:
    columns = {"a": [1] * (MAX_BATCHES + 1), "b": [1] * (MAX_BATCHES + 1)}

    assert len(read(a_stream(columns, rows_in_batch=2), max_rows=999)) == MAX_BATCHES + 1
    with pytest.raises(BodyMalformedError, match=f"at most {MAX_BATCHES} record batches"):
        read(a_stream(columns, rows_in_batch=1), max_rows=999)


def test_a_stream_with_far_too_many_columns_is_refused_at_once() -> None:
    with pytest.raises(BodyMalformedError, match="has 900 columns"):
        read(a_stream({f"c{number}": [1] for number in range(900)}))


def test_a_stream_is_whole_or_refused() -> None:
    for length in range(len(A_STREAM)):
        with pytest.raises(BodyMalformedError):
            read(A_STREAM[:length])
    for more in (b"\0", END, A_STREAM):
        with pytest.raises(BodyMalformedError):
            read(A_STREAM + more)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        END,
        b"ARROW1\0\0" + A_STREAM,
        A_STREAM[4:],
        bytes(100),
        b"\xff" * 100,
        struct.pack("<Ii", 0xFFFFFFFF, 2**31 - 1) + bytes(100),
        struct.pack("<Ii", 0xFFFFFFFF, -8) + bytes(100),
        table_of(A_STREAM).schema.serialize().to_pybytes(),
    ],
    ids=["nothing", "JSON", "end", "file", "old", "zeros", "ones", "long", "negative", "schema"],
)
def test_what_is_no_stream_is_refused(body: bytes) -> None:
    with pytest.raises(BodyMalformedError):
        read(body)


STREAMS = (
    (AB, A_STREAM),
    (AB, a_stream({"a": np.arange(40) / 8, "b": np.arange(40, dtype=np.float32)}, rows_in_batch=9)),
    (MIXED, a_stream({"yes": [True, None] * 9, "none": pa.nulls(18), "n": [*range(18)]})),
    (AB, a_stream({"a": ["x", "y"], "b": pa.array([1, 2]).dictionary_encode()})),
    (AB, a_stream({"a": [1.0] * 40, "b": [1.0] * 40}, compression="zstd")),
)
WORDS = st.sampled_from([0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0, 1, 8, 0xFFFF]) | st.integers(0, 999)


def as_pyarrow_reads(body: bytes, features: tuple[Feature, ...]) -> np.ndarray[Any, Any] | None:
    try:
        table = table_of(body)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None
    columns = [table.column(feature.name).to_pylist() for feature in features]
    return np.array(columns, dtype=np.float64).T


@settings(max_examples=300)
@given(st.sampled_from(STREAMS), st.data())
def test_a_damaged_stream_is_read_as_pyarrow_reads_it_or_refused(
    stream: tuple[tuple[Feature, ...], bytes], draw: Any
) -> None:
    features, whole = stream
    body = bytearray(whole)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(body) // 4 - 1)) * 4
        if draw.draw(st.booleans()):
            body[at] ^= 1 << draw.draw(st.integers(0, 7))
        else:
            struct.pack_into("<I", body, at, draw.draw(WORDS))
    try:
        found = read(bytes(body), features)
    except RequestError as error:
        assert str(error)  # noqa: PT017  both outcomes are right
        return
    expected = as_pyarrow_reads(bytes(body), features)
    assert expected is None or np.array_equal(found, expected, equal_nan=True)


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_refusal(body: bytes) -> None:
    for sent in (body, A_STREAM[:16] + body, A_STREAM[:-100] + body):
        try:
            read(sent)
        except RequestError as error:
            assert str(error)  # noqa: PT017  both outcomes are right
