from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contract import Feature, Missing
from app.domain.rows import RowReader
from app.errors import BodyTooLargeError, InputInvalidError
from test.builders import a_contract


def a_reader(*features: Feature, **changes: Any) -> RowReader:
    limits: dict[str, Any] = {
        "min_value": -100.0,
        "max_value": 100.0,
        "nan_replacement": 7.0,
        "max_rows": 5,
    }
    return RowReader(a_contract(*features), **(limits | changes))


def faults_of(reader: RowReader, data: object) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(InputInvalidError) as caught:
        reader.matrix(data)
    return [(fault.row, fault.feature, fault.reason) for fault in caught.value.faults]


def test_arrays_become_a_float64_matrix_in_their_order() -> None:
    matrix = a_reader().matrix([[1, 2.5], [-3, 0]])

    assert matrix.dtype == np.float64
    assert matrix.tolist() == [[1.0, 2.5], [-3.0, 0.0]]


def test_objects_are_put_into_the_order_of_the_contract() -> None:
    assert a_reader().matrix([{"b": 2, "a": 1}]).tolist() == [[1.0, 2.0]]


def test_null_becomes_the_replacement_of_the_settings() -> None:
    assert a_reader().matrix([[None, 1.0]]).tolist() == [[7.0, 1.0]]


def test_the_contract_decides_what_happens_to_a_missing_value() -> None:
    filled = Feature(name="a", missing=Missing(policy="fill", value=3.0))
    passed = Feature(name="b", missing=Missing(policy="pass"))

    row = a_reader(filled, passed).matrix([[None, None]])[0]

    assert row[0] == 3.0
    assert np.isnan(row[1])


def test_a_missing_value_may_be_refused() -> None:
    reader = a_reader(Feature(name="a", missing=Missing(policy="refuse")), Feature(name="b"))

    assert faults_of(reader, [[1, 1], [None, 1]]) == [(1, "a", "may not be missing")]


@pytest.mark.parametrize("data", [None, {}, "rows", 3, []])
def test_data_that_is_no_list_of_rows_is_refused(data: object) -> None:
    assert faults_of(a_reader(), data) == [(None, None, "'data' must be a list of rows")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([1], "has 1 values; 2 are needed"),
        ([1, 2, 3], "has 3 values; 2 are needed"),
        ([], "has 0 values; 2 are needed"),
        (5, "must be a list of 2 values"),
        ("ab", "must be a list of 2 values"),
        ({"a": 1, "b": 2}, "must be a list of 2 values"),
    ],
)
def test_a_row_of_another_shape_is_named(row: object, reason: str) -> None:
    assert faults_of(a_reader(), [[1, 2], row]) == [(1, None, reason)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1.5", "a string"),
        (True, "a boolean"),
        ([1], "an array"),
        ({}, "an object"),
    ],
)
def test_a_value_that_is_no_number_is_named(value: object, kind: str) -> None:
    expected = (0, "b", f"must be a number or null, not {kind}")

    assert faults_of(a_reader(), [[1, value]]) == [expected]


def test_numbers_beyond_the_bounds_are_named_with_the_bounds() -> None:
    assert faults_of(a_reader(), [[0, 0], [100.5, -101]]) == [
        (1, "a", "must be from -100 to 100"),
        (1, "b", "must be from -100 to 100"),
    ]


def test_the_tighter_of_contract_and_settings_counts() -> None:
    reader = a_reader(Feature(name="a", minimum=0.0, maximum=1e9), Feature(name="b"))

    assert faults_of(reader, [[-1, 0]]) == [(0, "a", "must be from 0 to 100")]
    assert faults_of(reader, [[101, 0]]) == [(0, "a", "must be from 0 to 100")]


def test_an_object_lacks_no_feature_and_has_no_other() -> None:
    assert faults_of(a_reader(), [{"a": 1, "c": 2}]) == [
        (0, "b", "is absent; send null if it is missing"),
        (0, "c", "is no feature of this model"),
    ]


def test_names_that_are_no_feature_are_told_in_the_order_they_came_in() -> None:
    faults = faults_of(a_reader(), [{"a": 1, "z": 1, "y": 1, "b": 1, "x": 1}])

    assert [name for _, name, _ in faults] == ["z", "y", "x"]


def test_arrays_and_objects_do_not_mix() -> None:
    assert faults_of(a_reader(), [{"a": 1, "b": 2}, [1, 2]]) == [
        (1, None, "must be an object like the first row")
    ]


def test_whole_numbers_and_booleans_are_kept_apart_from_floats() -> None:
    reader = a_reader(Feature(name="n", kind="int"), Feature(name="yes", kind="bool"))

    assert reader.matrix([[3, True], [3.0, 0], [None, None]]).tolist()[0] == [3.0, 1.0]
    assert faults_of(reader, [[3.5, True]]) == [(0, "n", "must be a whole number")]
    assert faults_of(reader, [[True, True]])[0][1] == "n"
    assert faults_of(reader, [[3, 2]]) == [(0, "yes", "must be true or false")]


def test_too_many_rows_are_told_before_they_are_read() -> None:
    with pytest.raises(BodyTooLargeError, match="6 rows; at most 5"):
        a_reader().matrix([["x"]] * 6)


def test_no_more_than_twenty_faults_are_listed() -> None:
    assert len(faults_of(a_reader(max_rows=100), [["x", "y"]] * 50)) == 20
    assert len(faults_of(a_reader(max_rows=100), [[999, 999]] * 50)) == 20


def test_values_outside_training_are_counted_and_a_missing_one_is_not() -> None:
    seen = Feature(name="a", trained_minimum=0.0, trained_maximum=1.0)
    reader = a_reader(seen, Feature(name="b", missing=Missing(policy="pass")))

    assert reader.outside_training(reader.matrix([[0.5, None], [2, 9], [-1, 9]])) == 2


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES | st.lists(st.lists(JSON_VALUES, min_size=2, max_size=2), max_size=5))
def test_whatever_is_sent_is_a_finite_matrix_or_a_named_fault(data: object) -> None:
    try:
        matrix = a_reader().matrix(data)
    except (InputInvalidError, BodyTooLargeError):
        return
    assert matrix.shape[1] == 2
    assert np.isfinite(matrix).all()
