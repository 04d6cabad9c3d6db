from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.domain.contract import Feature
from app.domain.rows import RowReader
from app.errors import BodyTooLargeError, InputInvalidError
from test.builders import a_contract

READER = RowReader(
    a_contract(Feature(name="a"), Feature(name="b"), Feature(name="yes", kind="bool")),
    min_value=-100.0,
    max_value=100.0,
    nan_replacement=7.0,
    max_rows=3,
)


def faults_of(data: object) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(InputInvalidError) as caught:
        READER.matrix(data)
    return [(fault.row, fault.feature, fault.reason) for fault in caught.value.faults]


@pytest.mark.parametrize(
    "columns",
    [
        {"b": [2, None], "yes": [True, 0], "a": [1, -1.5]},
        {"b": np.array([2.0, np.nan]), "yes": np.array([True, False]), "a": np.array([1, -1.5])},
        {"b": np.array([2.0, np.nan]), "yes": np.array([1, 0]), "a": np.array([1, -1.5])},
        {"b": np.array([2, None], object), "yes": [1.0, 0.0], "a": [1, -1.5]},
    ],
    ids=["lists", "arrays", "numbers", "objects"],
)
def test_columns_become_rows_in_the_order_of_the_contract(columns: dict[str, Any]) -> None:
    matrix = READER.matrix(columns)

    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    assert matrix.tolist() == [[1.0, 2.0, 1.0], [-1.5, 7.0, 0.0]]


@pytest.mark.parametrize(
    ("columns", "faults"),
    [
        ({"a": [1], "yes": [1]}, [(None, "b", "is absent; send a list of nulls if it is missing")]),
        (
            {"a": [1], "b": [1], "yes": [1], "c": [1]},
            [(None, "c", "is no feature of this model")],
        ),
        (
            {"a": 1, "b": [1], "yes": "1"},
            [
                (None, "a", "must be a list of values, one for each row"),
                (None, "yes", "must be a list of values, one for each row"),
            ],
        ),
        ({"a": [1, 2], "b": [1], "yes": [1, 1]}, [(None, "b", "has 1 values; 'a' has 2")]),
        ({"a": [], "b": [], "yes": []}, [(None, None, "'data' must be a list of rows")]),
        (
            {"a": [1, "x"], "b": [True, 1], "yes": [True, []]},
            [
                (0, "b", "must be a number or null, not a boolean"),
                (1, "a", "must be a number or null, not a string"),
                (1, "yes", "must be a number or null, not an array"),
            ],
        ),
        ({"a": [1, 101], "b": [1, 1], "yes": [1, 1]}, [(1, "a", "must be from -100 to 100")]),
    ],
    ids=["absent", "unknown", "no list", "shorter", "empty", "types", "beyond"],
)
def test_columns_that_are_wrong_are_named(
    columns: dict[str, Any], faults: list[tuple[Any, ...]]
) -> None:
    assert faults_of(columns) == faults


def test_too_many_rows_in_columns_are_told() -> None:
    with pytest.raises(BodyTooLargeError, match="4 rows; at most 3"):
        READER.matrix({"a": [1] * 4, "b": ["x"] * 4, "yes": [1] * 4})


def test_an_unknown_column_is_named_in_short() -> None:
    columns = {"a": [1], "b": [1], "yes": [1], "c" * 999: [1]}

    [(_, name, _)] = faults_of(columns)

    assert name == "c" * 200
