from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contract import Feature
from app.domain.rows import RowReader
from app.domain.sifting import sift
from app.errors import BodyTooLargeError, InputInvalidError
from test.builders import a_contract


def a_reader(*features: Feature, max_rows: int = 1_000) -> RowReader:
    return RowReader(
        a_contract(*features),
        min_value=-10,
        max_value=10,
        nan_replacement=7.0,
        max_rows=max_rows,
    )


AB = a_reader()
AS_ROWS: list[list[Any]] = [[1, 2], [11, 2], [3, None], ["x", 4], [5, 6]]
AS_OBJECTS = [dict(zip("ab", row, strict=True)) for row in AS_ROWS]
AS_COLUMNS = dict(zip("ab", map(list, zip(*AS_ROWS, strict=True)), strict=True))


@pytest.mark.parametrize(
    "data", [AS_ROWS, AS_OBJECTS, AS_COLUMNS], ids=["rows", "objects", "columns"]
)
def test_good_rows_are_kept_in_order_and_faulty_ones_are_named(data: Any) -> None:
    parts, kept, faults = sift(AB.matrix, data)

    assert np.concatenate(parts).tolist() == [[1, 2], [3, 7], [5, 6]]
    assert [*kept] == [0, 2, 4]
    assert [(it.row, it.feature, it.reason) for it in faults] == [
        (1, "a", "must be from -10 to 10"),
        (3, "a", "must be a number or null, not a string"),
    ]


def test_rows_of_an_array_are_sifted_too() -> None:
    rows = np.array([[1.0, 2.0], [np.nan, 99.0], [3.0, np.nan]])

    parts, kept, faults = sift(AB.checked, rows)

    assert np.concatenate(parts).tolist() == [[1, 2], [3, 7]]
    assert [*kept] == [0, 2]
    assert [fault.row for fault in faults] == [1]


def test_rows_of_a_table_are_sifted_too() -> None:
    reader = a_reader(Feature(name="a"), Feature(name="t", kind="category", categories=("x", "y")))

    parts, kept, faults = sift(reader.matrix, [[1, "x"], [2, "z"], [3, 4], [99, "y"], [5, "y"]])

    assert np.concatenate(parts).tolist() == [[1.0, "x"], [5.0, "y"]]
    assert [*kept] == [0, 4]
    assert [(fault.row, fault.feature) for fault in faults] == [(1, "t"), (2, "t"), (3, "a")]


def test_a_row_in_another_form_than_the_first_is_faulty() -> None:
    _, kept, faults = sift(AB.matrix, ["x", {"a": 1, "b": 2}, [1, 2], {"a": 1}, {"b": 1, "a": 2}])

    assert [*kept] == [1, 4]
    assert faults[1].reason == "must be an object like the first row"
    assert [fault.row for fault in faults] == [0, 2, 3]


def test_rows_without_a_fault_are_one_part() -> None:
    parts, kept, faults = sift(AB.matrix, [[1, 2]] * 500)

    assert (len(parts), len(kept), faults) == (1, 500, [])


@pytest.mark.parametrize("data", [None, [], {}, {"a": [1]}, {"a": [1], "b": [1, 2]}, 1])
def test_what_is_wrong_as_a_whole_is_refused(data: Any) -> None:
    with pytest.raises(InputInvalidError):
        sift(AB.matrix, data)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(BodyTooLargeError):
        sift(a_reader(max_rows=3).matrix, [["x", 1]] * 4)


@given(st.lists(st.sampled_from([[1, 2], [None, 3], [99, 1], ["x", 1], [1], None]), min_size=1))
def test_a_row_is_kept_just_when_it_is_good_alone(rows: list[Any]) -> None:
    good = [number for number, row in enumerate(rows) if row in ([1, 2], [None, 3])]

    parts, kept, faults = sift(AB.matrix, rows)

    assert [*kept] == good
    assert sum(map(len, parts)) == len(good)
    assert sorted([*kept, *(it.row for it in faults)]) == [*range(len(rows))]  # type: ignore[type-var]


def test_the_numbers_of_rows_hold_beyond_one_block() -> None:
    rows: list[list[Any]] = [[1, 2] for _ in range(300)]
    rows[70], rows[200] = ["x", 1], [1, 99]

    parts, kept, faults = sift(AB.matrix, rows)

    assert [fault.row for fault in faults] == [70, 200]
    assert sum(map(len, parts)) == len(kept) == 298
