"""Two readers of one NDJSON body: what is read at once, is read line by line just so."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.rows import RowReader
from app.errors import BodyTooLargeError, InputInvalidError, RequestError
from app.gate.decode import BULK_BYTES
from app.gate.ndjson_rows import decode_ndjson, line_by_line, numbers_at_once
from app.gate.wishes import NOTHING, Asked
from test.api.hostile_lines import no_ndjson
from test.unit.gate.test_bulk import EDGES, READER, numbers

SKIP = Asked(skips=True)


def test_each_line_is_a_row() -> None:
    found = decode_ndjson(b"[1, null]\r\n[NaN, 4]\n\n", NOTHING, 10)

    assert found.data == [[1, None], [None, 4]]
    assert found.places is not None
    assert [*found.places.starts] == [1, 2]


def test_a_row_may_be_an_object_or_a_text() -> None:
    assert decode_ndjson(b'{"a": "x\\"y"}\n{"a": 1}', NOTHING, 10).data == [{"a": 'x"y'}, {"a": 1}]
    assert decode_ndjson(b'"one"\n"\\u0022two"', NOTHING, 10).data == ["one", '"two']


def test_what_is_no_row_is_named_with_its_line() -> None:
    with pytest.raises(InputInvalidError) as caught:
        decode_ndjson(b'[1, 2]\n[1, 2\n\n{"a": 1, "a": 2}\n', NOTHING, 10)

    places = [(it.row, it.feature, it.reason.partition(":")[0]) for it in caught.value.faults]
    assert places == [
        (1, None, "is not JSON"),
        (2, None, "is empty (line 3)"),
        (3, "a", "stands twice (line 4)"),
    ]


def test_where_faulty_rows_are_skipped_the_others_are_read() -> None:
    found = decode_ndjson(b"[1, 2]\nx\n[3, 4]\n", SKIP, 10)

    assert found.data == [[1, 2], [3, 4]]
    assert found.places is not None
    assert [*found.places.rows] == [0, 2]
    assert [fault.row for fault in found.places.faults] == [1]


def test_too_many_rows_are_refused_before_they_are_read() -> None:
    with pytest.raises(BodyTooLargeError, match="4 rows; at most 3"):
        decode_ndjson(b"x\nx\nx\nx\n", NOTHING, 3)


def test_many_rows_of_numbers_are_one_array() -> None:
    rows = np.random.default_rng(3).normal(size=(200, 2)).tolist()
    body = b"\n".join(orjson.dumps(row) for row in rows)

    found = decode_ndjson(body, NOTHING, 1_000).data

    assert len(body) >= BULK_BYTES
    assert isinstance(found, np.ndarray)
    assert found.tolist() == rows


def matrix(rows: Any, reader: RowReader) -> object:
    """The bits of the matrix, or every word of the refusal."""
    try:
        found = reader.matrix(rows)
    except RequestError as error:
        return type(error), str(error), getattr(error, "faults", ())
    return found.shape, found.tobytes()


def check(body: bytes) -> bool:
    n_rows = body.count(b"\n") + 1
    at_once = numbers_at_once(body, n_rows)
    if at_once is None:
        return False
    rows, lines = line_by_line(body)
    assert not lines.faults
    assert matrix(at_once, READER) == matrix(rows, READER)
    return True


@pytest.mark.parametrize("hostile", [*no_ndjson()], ids=str)
def test_both_readers_agree_on_a_hostile_body(hostile: Any) -> None:
    check(hostile.body)


@pytest.mark.parametrize("edge", EDGES)
def test_both_readers_agree_on_a_value_at_the_edge(edge: str) -> None:
    for rows in (f"[1, {edge}]", f"[1, 2]\n[{edge}, 3]", edge, f"[{edge}]\n[{edge}]"):
        check(rows.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"[1, 2],[3, 4]\n[5, 6]",
        b"[1\n3]\n[1, 2],[3, 4]",
        b"[1,\n[2]]\n[3, 4],[5, 6]",
        b"[1, 2]\n[3, 4]]",
        b"[[1, 2]\n[3, 4]]",
        b'[1, 2]],"probabilities":true,"x":[[1',
        b'[1, 2]],"data":[[1, 2]',
        b"[1, 2]\n\n[3, 4]",
        b" [1, 2]",
    ],
)
def test_lines_that_are_no_rows_by_themselves_are_left_to_the_exact_reader(body: bytes) -> None:
    assert not check(body)


PIECES = st.sampled_from(["[", "]", ",", "\n", "[1, 2]", "1", " ", "null", "NaN", "{", "}", '"'])


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_both_readers_agree_on_lines_of_anything(text: str) -> None:
    check(text.encode())


ROWS = st.lists(numbers | st.sampled_from(["null", "NaN"]), min_size=2, max_size=2)


@given(st.lists(ROWS, min_size=1, max_size=9))
def test_lines_of_numbers_and_gaps_are_read_at_once(rows: list[list[str]]) -> None:
    body = "\n".join(f"[{', '.join(row)}]" for row in rows).encode()

    assert check(body) or any(len(cell) > 18 for row in rows for cell in row)
