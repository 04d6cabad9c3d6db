"""Two readers of one body: what the fast one takes, the exact one reads just so."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.contract import Feature, Missing
from app.domain.rows import RowReader
from app.errors import RequestError
from app.gate.bulk import _GAP, read_bulk
from app.gate.decode import BULK_BYTES, decode, decode_exactly
from app.gate.wishes import Asked
from test.api.hostile_bodies import corpus
from test.api.test_hostile_bodies import GOOD_BODIES
from test.builders import a_contract

READER = RowReader(
    a_contract(Feature(name="a", missing=Missing(policy="pass")), Feature(name="b")),
    min_value=-1.7e308,
    max_value=1.7e308,
    nan_replacement=7.0,
    max_rows=10,
)
EDGES = (
    "-0", "-0.0", "0e9", "-0e-9", "1e308", "1.7976931348623157e308", "1.7976931348623158e308",
    "1.7976931348623159e308", "1e309", "1e400", "-1e400", "1e-400", "-1e-400", "5e-324",
    "2.4703282292062327e-324", "2.4703282292062328e-324", "2.2250738585072011e-308", "1e23",
    "9007199254740993", "-9007199254740993", "9007199254740993.0", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", "9" * 20, "-" + "9" * 25, "9" * 308,
    "9" * 309, "0." + "1" * 800, "0." + "0" * 330 + "1", "1" + "0" * 30 + "e-30", "1E5", "1e+5",
    "1e05", "0e99999999999999999999", "1e-99999999999999999999", "8.5e22", "-6.02e299",
    " -6.02e299 ", "01", "-01", "00", "1.", ".5", "+1", "-", "1e", "1e+", "0x1", "1_0", "1 2",
    "null", "NaN", "-NaN", "nan", "NaN1", "1NaN", "1null", "null1", "nullnull", "null null",
    "-null", ".null", "null.5", "NaNnull", "Infinity", "-Infinity", "true", "false", '"1"', "[1]",
    "[]", "{}", "[null]", "", "1\0", "\0", "1\x0c", "1\x0b", "\t1\r\n", "1,2", "1],[2",
)  # fmt: skip
SPACES = st.text(" \t\r\n", max_size=2) | st.sampled_from(
    ["\0", "\x0c", "\x0b", "\u00a0", "\ufeff"]
)
numbers = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers().map(str)
values = numbers | st.sampled_from(EDGES)
good_rows = st.lists(numbers | st.sampled_from(["null", "NaN", "0"]), min_size=2, max_size=2)


def as_rows(rows: list[list[str]]) -> str:
    return "[" + ", ".join(f"[{', '.join(row)}]" for row in rows) + "]"


def in_body(data: str) -> bytes:
    return f'{{"data": {data}}}'.encode()


good_bodies = st.lists(good_rows, min_size=1, max_size=12).map(as_rows).map(in_body)


def verdict(read: Any, body: bytes) -> object:
    """The bits of the matrix and the wish, or every word of the refusal."""
    try:
        data, asked = read(body)
        matrix = READER.matrix(data)
    except RequestError as error:
        return type(error), str(error), getattr(error, "faults", ())
    return matrix.shape, matrix.tobytes(), asked


def exactly(body: bytes) -> tuple[object, Asked]:
    found = decode_exactly(body)
    return found.data, Asked(found.wish, found.skips)


def check(body: bytes) -> None:
    if read_bulk(body) is not None:
        assert verdict(read_bulk, body) == verdict(exactly, body)


def takes(body: bytes) -> bool:
    check(body)
    return read_bulk(body) is not None


@pytest.mark.parametrize("hostile", [*corpus()], ids=str)
def test_both_readers_agree_on_a_hostile_body(hostile: Any) -> None:
    check(hostile.body)


@pytest.mark.parametrize("body", GOOD_BODIES.values(), ids=GOOD_BODIES)
def test_both_readers_agree_on_a_good_body(body: bytes) -> None:
    check(body)


@pytest.mark.parametrize("edge", EDGES)
def test_both_readers_agree_on_a_value_at_the_edge(edge: str) -> None:
    for rows in ([["1", edge]], [["1", "2"], [edge, "3"]], [[edge]], [[edge, edge]] * 3):
        check(in_body(as_rows(rows)))
    check(in_body(edge))
    check(in_body(f"[{edge}]"))
    for member in ("probabilities", "scores", "on_error"):
        check(f'{{"data": [[1, 2]], "{member}": {edge}}}'.encode())


@settings(max_examples=400)
@given(st.lists(st.lists(values, max_size=3), max_size=4), SPACES, SPACES)
def test_both_readers_agree_on_rows_of_anything(
    rows: list[list[str]], front: str, back: str
) -> None:
    check(front.encode() + in_body(as_rows(rows)) + back.encode())


@settings(max_examples=400)
@given(good_bodies, st.data())
def test_both_readers_agree_on_a_damaged_body(body: bytes, draw: Any) -> None:
    for _ in range(draw.draw(st.integers(1, 3))):
        start = draw.draw(st.integers(0, len(body) - 1))
        end = start + draw.draw(st.integers(0, 2))
        patch = draw.draw(st.binary(max_size=2) | st.sampled_from([*b'[]{},:"-.0enN']).map(a_byte))
        body = body[:start] + patch + body[end:] or b" "
    check(body)


def a_byte(byte: int) -> bytes:
    return bytes([byte])


NAMES = st.sampled_from([
    '"data"', '"probabilities"', '"scores"', '"on_error"', '"d\\u0061ta"', '"other"', '"null"',
    "null",
])  # fmt: skip
WISHES = (
    "true", "false", "[]", "{}", "1", "null", '"skip"', '"fail"', '"sk\\u0069p"', '"[["', '"NaN"',
)  # fmt: skip
MEMBERS = st.tuples(NAMES, st.sampled_from(["[[1, 2]]", "[[null, NaN]]", *WISHES]))


@settings(max_examples=300)
@given(st.lists(MEMBERS, max_size=3))
@example([('"data"', "[[1, 2]]"), ('"data"', "[[3, 4]]")])
@example([('"probabilities"', "true"), ('"data"', "[[1, 2]]")])
def test_both_readers_agree_on_the_members(members: list[tuple[str, str]]) -> None:
    check(f"{{{', '.join(f'{name}: {value}' for name, value in members)}}}".encode())


@given(good_bodies)
def test_rows_of_numbers_and_gaps_are_read_at_once(body: bytes) -> None:
    assert takes(body) or is_left_to_the_exact_reader(body)


def is_left_to_the_exact_reader(body: bytes) -> bool:
    """Integers beyond 64 bits, and the number that stands for a gap, are."""
    values = [value for row in json.loads(body, parse_int=int)["data"] for value in row]
    return _GAP in values or any(
        isinstance(value, int) and not -(2**63) <= value < 2**64 for value in values
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[[1,2],[3,4]]}',
        b' \t\r\n{ "data" : [ [ 1 , -2.5e-3 ] ] } \n',
        b'{"probabilities": true, "data": [[1, null], [NaN, 4]]}',
        b'{"data": [[1, 2]], "probabilities": false}',
        b'{"on_error": "skip", "data": [[1, null]], "scores": true}',
        b'{"d\\u0061ta": [[1, 2]]}',
        b'{"data": [[1, 2, 3]]}',
        b'{"data": [[], []]}',
    ],
)
def test_what_has_the_shape_is_taken(body: bytes) -> None:
    assert takes(body)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"data": [[1, 2]]}',
        b'{"data": [[1, 2], [3]]}',
        b'{"data": [[1, 2, 3], [4]]}',
        b'{"data": [[[1], 2]]}',
        b'{"data": [[[1, 2]]]}',
        b'{"data": [1, 2]}',
        b'{"data": [[1, true]]}',
        b'{"data": [[1, "2"]]}',
        b'{"data": [{"a": 1, "b": 2}]}',
        b'{"data": [[null, -6.02e299]]}',
        b'{"data": [[1, 2]], "data": [[1, 2]]}',
        b'{"data": [[1, 18446744073709551616]]}',
    ],
)
def test_what_is_not_proved_is_left_to_the_exact_reader(body: bytes) -> None:
    assert not takes(body)


def test_many_rows_are_one_array_and_few_are_lists() -> None:
    rows = np.random.default_rng(3).normal(size=(200, 2)).tolist()
    many, few = (json.dumps({"data": data}).encode() for data in (rows, rows[:3]))

    assert len(few) < BULK_BYTES <= len(many)
    assert isinstance(decode(few).data, list)
    found = decode(many).data
    assert isinstance(found, np.ndarray)
    assert found.tolist() == rows
