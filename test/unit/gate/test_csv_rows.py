"""Two readers of one CSV body: what is read at once, is read cell by cell just so."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.contract import Feature
from app.errors import BodyMalformedError, BodyTooLargeError, InputInvalidError, RequestError
from app.gate.csv_form import CsvForm
from app.gate.csv_records import cell_by_cell
from app.gate.csv_rows import decode_csv, numbers_at_once
from app.gate.wishes import NOTHING, Asked
from test.api.hostile_lines import no_csv
from test.builders import a_contract
from test.unit.gate.test_bulk import EDGES, numbers

AB = a_contract()
PASSENGER = a_contract(
    Feature(name="age"),
    Feature(name="alone", kind="bool"),
    Feature(name="town", kind="category", categories=("Bath", "York")),
)
SKIP = Asked(skips=True)


def form(contract: Any = AB, *, names_columns: bool = True, max_rows: int = 10) -> CsvForm:
    return CsvForm(contract, names_columns, max_rows)


def rows_of(body: bytes, **changes: Any) -> list[list[float]]:
    data: Any = decode_csv(body, NOTHING, form(**changes)).data
    rows: list[list[float]] = np.nan_to_num(data, nan=-1.0).tolist()
    return rows


@pytest.mark.parametrize(
    "body",
    [
        b"a,b\r\n1,2\r\n3,4\r\n",
        b"a,b\n1,2\n3,4",
        b"b,a\n2,1\n4,3\n",
        b'"b","a"\n2,1\n4,3\n',
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        b'a,b\n"1","2"\n3,4\n',
        b"a,b\n+1,2.\n03,.4e1\n",
        b"a,b\n 1 ,2\n3,\t4\n",
    ],
)
def test_rows_are_read_in_the_order_of_the_features(body: bytes) -> None:
    assert rows_of(body) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("body", [b"1,2\n3,4\n", b'"1",2\r\n3,4'])
def test_lines_without_names_hold_the_features_in_order(body: bytes) -> None:
    assert rows_of(body, names_columns=False) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("body", [b"a,b\n,2\n3,\n", b"a,b\nnan,2\n3,NaN\n", b'a,b\n"",2\n3, \n'])
def test_an_empty_cell_is_a_missing_value(body: bytes) -> None:
    assert rows_of(body) == [[-1, 2], [3, -1]]


def test_an_empty_line_is_a_missing_value_where_there_is_one_column() -> None:
    one = a_contract(Feature(name="a"))

    assert rows_of(b"a\n1\n\n3\n\n", contract=one) == [[1], [-1], [3], [-1]]


def test_words_are_booleans_categories_and_texts() -> None:
    body = b'town,age,alone\r\nBath,41,true\r\n"York, ""old"" ",,0\r\n,1e1,FALSE\r\n'

    found = decode_csv(body, NOTHING, form(PASSENGER))

    assert found.data == {
        "age": [41.0, None, 10.0],
        "alone": [1.0, 0.0, 0.0],
        "town": ["Bath", 'York, "old" ', None],
    }
    assert not found.is_in_order


def test_a_faulty_cell_is_named_with_row_feature_and_line() -> None:
    body = b'town,age,alone\n"Bath\nSpa",x,true\nYork,1\n,2,maybe\n'

    with pytest.raises(InputInvalidError) as caught:
        decode_csv(body, NOTHING, form(PASSENGER))

    assert [(it.row, it.feature, it.reason) for it in caught.value.faults] == [
        (0, "age", "must be a number, or empty if it is missing (line 2)"),
        (1, None, "has 2 cells; 3 are needed (line 4)"),
        (2, "alone", "must be true, false, or empty if it is missing (line 5)"),
    ]


def test_where_faulty_rows_are_skipped_the_others_are_read() -> None:
    found = decode_csv(b"b,a\nx,1\n2,3\n4\n6,7\n", SKIP, form())

    assert isinstance(found.data, np.ndarray)
    assert found.data.tolist() == [[3, 2], [7, 6]]
    assert found.places is not None
    assert [*found.places.rows] == [1, 3]
    assert [*found.places.starts] == [2, 3, 4, 5]
    assert [fault.row for fault in found.places.faults] == [0, 2]


def test_a_row_with_several_faulty_cells_is_skipped_for_the_first_feature() -> None:
    found = decode_csv(b"b,a\n1,2\nx,y\n", SKIP, form())

    assert found.places is not None
    assert [(fault.row, fault.feature) for fault in found.places.faults] == [(1, "a")]


def test_the_first_faults_are_those_of_the_first_rows() -> None:
    rows = [("x" if row > 9 else "1", "x" if row < 5 else "1") for row in range(40)]
    body = "\n".join(["a,b", *map(",".join, rows)]).encode()

    with pytest.raises(InputInvalidError) as caught:
        decode_csv(body, NOTHING, form(max_rows=40))

    expected = [(row, "b") for row in range(5)] + [(row, "a") for row in range(10, 25)]
    assert [(fault.row, fault.feature) for fault in caught.value.faults] == expected


def peak_bytes(body: bytes, asked: Asked, wanted: CsvForm) -> int:
    tracemalloc.start()
    try:
        with suppress(InputInvalidError):
            cell_by_cell(body, asked, wanted)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("asked", [NOTHING, SKIP], ids=["refused", "skipped"])
def test_a_body_of_faults_takes_no_more_memory_than_a_good_one(asked: Asked) -> None:
    features = [Feature(name=f"f{number}") for number in range(100)]
    wanted = form(a_contract(*features), max_rows=300)
    head = ",".join(feature.name for feature in features).encode() + b"\n"
    good, bad = (head + (b",".join([cell] * 100) + b"\n") * 300 for cell in (b"1", b"x"))

    assert peak_bytes(bad, asked, wanted) <= peak_bytes(good, NOTHING, wanted)


def test_where_every_row_is_faulty_none_is_left() -> None:
    found = decode_csv(b"town,age,alone\n,x,\n,,y\n", SKIP, form(PASSENGER))

    assert found.data == {"age": [], "alone": [], "town": []}
    assert found.places is not None
    assert len(found.places.faults) == 2


def test_too_many_rows_are_refused() -> None:
    for body in (b"a,b\n1,2\n3,4\n5,6\n", b"a,b\nx,2\n3,4\n5,6\n"):
        with pytest.raises(BodyTooLargeError):
            decode_csv(body, NOTHING, form(max_rows=2))


def test_a_cell_longer_than_any_text_is_refused_and_not_an_error() -> None:
    with pytest.raises(BodyMalformedError, match="line 2"):
        decode_csv(b'a,b\n"' + b"1" * 200_000 + b'",2', NOTHING, form())


def test_a_hundred_thousand_columns_are_refused_with_a_few_faults() -> None:
    wide = b",".join(b"c%d" % number for number in range(100_000))

    for body in (b"a,b," + wide + b"\n1,2\n", b"a,b\n" + wide + b"\n"):
        with pytest.raises(InputInvalidError) as caught:
            decode_csv(body, NOTHING, form())
        assert len(caught.value.faults) <= InputInvalidError.MAX_FAULTS


def verdict(read: Any, body: bytes, wanted: CsvForm) -> object:
    """The bits of the matrix, or every word of the refusal."""
    try:
        found = read(body, wanted)
    except RequestError as error:
        return type(error), str(error), getattr(error, "faults", ())
    return None if found is None else (found.shape, found.tobytes())


def exactly(body: bytes, wanted: CsvForm) -> Any:
    return cell_by_cell(body, NOTHING, wanted).data


def check(body: bytes) -> bool:
    taken = False
    for wanted in (form(), form(names_columns=False)):
        at_once = verdict(numbers_at_once, body, wanted)
        if at_once is not None:
            taken = True
            assert at_once == verdict(exactly, body, wanted)
    return taken


@pytest.mark.parametrize("hostile", [*no_csv()], ids=str)
def test_both_readers_agree_on_a_hostile_body(hostile: Any) -> None:
    check(hostile.body)


@pytest.mark.parametrize("edge", EDGES)
def test_both_readers_agree_on_a_value_at_the_edge(edge: str) -> None:
    cell = edge.encode()
    for rows in (b"1," + cell, cell + b",1\n1,2", cell, cell + b"," + cell + b"\n,"):
        check(rows)
        check(b"b,a\n" + rows)


CELLS = numbers | st.sampled_from(["", "", " ", "1.", ".5", "+1", "01", "-", "e", "1e5", "1e400"])
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=3).map(",".join), max_size=12)
HEADS = st.sampled_from(["a,b", "b,a", '"b",a', "a", "a,a", "a,b,c", "", "1,2"])
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


@settings(max_examples=400)
@given(HEADS, ROWS, ENDS, st.booleans())
def test_both_readers_agree_on_lines_of_anything(
    head: str, rows: list[str], end: str, is_ended: object
) -> None:
    check((end.join([head, *rows]) + (end if is_ended else "")).encode())


@settings(max_examples=400)
@given(st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=1, max_size=9), st.data())
def test_both_readers_agree_on_a_damaged_body(rows: list[list[str]], draw: Any) -> None:
    body = "\n".join(["b,a", *map(",".join, rows)]).encode()
    for _ in range(draw.draw(st.integers(1, 3))):
        start = draw.draw(st.integers(0, len(body) - 1))
        patch = draw.draw(st.binary(max_size=2) | st.sampled_from([b",", b"\n", b"\r", b'"', b"]"]))
        body = body[:start] + patch + body[start + draw.draw(st.integers(0, 2)) :] or b" "
    check(body)


@given(st.lists(st.lists(numbers | st.just(""), min_size=2, max_size=2), min_size=1, max_size=9))
def test_lines_of_numbers_and_gaps_are_read_at_once(rows: list[list[str]]) -> None:
    body = "\n".join(["b,a", *map(",".join, rows)]).encode()

    assert check(body) or any(len(cell) > 18 for row in rows for cell in row)
