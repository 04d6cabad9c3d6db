"""One row has a way of its own through the checks; both ways come to the same."""

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

FEATURES = (
    Feature(name="plain"),
    Feature(name="tight", minimum=-1.0, maximum=2.0, trained_minimum=0.0, trained_maximum=1.0),
    Feature(name="whole", kind="int", missing=Missing(policy="fill", value=500.0)),
    Feature(name="yes", kind="bool"),
    Feature(name="passed", missing=Missing(policy="pass")),
    Feature(name="needed", missing=Missing(policy="refuse"), trained_maximum=5.0),
)
NAMES = [feature.name for feature in FEATURES]
READER = RowReader(
    a_contract(*FEATURES), min_value=-100.0, max_value=100.0, nan_replacement=7.0, max_rows=3
)
GOOD = [1.0, 0.5, 3.0, 1.0, 2.0, 4.0]
numbers = st.sampled_from([0, 1, -0.0, 0.5, 2, -1, 2.5, 100, 101, -100.5, 1e300, 2**64, None])
rows = st.lists(numbers | st.floats(-3, 3), min_size=6, max_size=6)


def outcome(data: Any) -> Any:
    """The bits of the first row, or what is said of it."""
    try:
        return READER.matrix(data)[0].tobytes()
    except InputInvalidError as error:
        return error.faults


def as_array(row: list[Any]) -> np.ndarray[Any, Any]:
    return np.array([row], dtype=np.float64)


@given(rows)
def test_a_row_alone_is_judged_as_beside_others_and_as_an_array(row: list[Any]) -> None:
    alone = outcome([row])

    assert outcome([row, GOOD]) == alone
    assert outcome([dict(zip(NAMES, row, strict=True))]) == alone
    assert outcome(as_array(row)) == alone


@given(rows)
def test_values_outside_training_are_counted_alike(row: list[Any]) -> None:
    matrix = as_array(row)

    once = READER.outside_training(matrix)

    assert READER.outside_training(np.vstack([matrix, matrix])) == 2 * once
    assert once == sum(
        not low <= value <= high
        for value, low, high in zip(
            matrix[0], [-np.inf, 0, *[-np.inf] * 4], [np.inf, 1, *[np.inf] * 3, 5], strict=True
        )
        if not np.isnan(value)
    )


def test_an_array_of_another_width_is_named_row_by_row() -> None:
    with pytest.raises(InputInvalidError) as caught:
        READER.matrix(np.zeros((2, 5)))

    assert [(fault.row, fault.feature, fault.reason) for fault in caught.value.faults] == [
        (0, None, "has 5 values; 6 are needed"),
        (1, None, "has 5 values; 6 are needed"),
    ]


def test_an_array_of_too_many_rows_is_refused_before_its_values() -> None:
    with pytest.raises(BodyTooLargeError, match="4 rows; at most 3"):
        READER.matrix(np.full((4, 6), 1e9))


def test_rows_that_were_counted_elsewhere_are_checked_alone() -> None:
    assert READER.checked(np.array([GOOD] * 4)).tolist() == [GOOD] * 4
    with pytest.raises(InputInvalidError, match="row 3: tight: must be from -1 to 2"):
        READER.checked(np.array([GOOD] * 3 + [[0.0, 3.0, 0.0, 0.0, 0.0, 0.0]]))


def test_an_infinite_number_is_beyond_any_bound() -> None:
    everything = RowReader(
        a_contract(), min_value=-1.7e308, max_value=1.7e308, nan_replacement=0.0, max_rows=9
    )

    with pytest.raises(InputInvalidError):
        everything.matrix(np.array([[0.0, np.inf], [-np.inf, 0.0]]))
