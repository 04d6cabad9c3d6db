from __future__ import annotations

import numpy as np
import pytest

from app.adapters.engines.steps import prepared, steps_of
from app.errors import ModelRejectedError

ROWS = np.array([[1.0, np.nan], [3.0, 4.0]])


def test_steps_are_done_in_their_order_and_the_input_stays() -> None:
    steps = steps_of(
        {
            "step_02_divide": np.array([2.0, 4.0]),
            "step_00_fill": np.array([0.0, 8.0]),
            "step_01_subtract": np.array([1.0, 4.0]),
            "coef": np.zeros(9),
        },
        2,
    )
    before = ROWS.copy()

    assert prepared(ROWS, steps).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert np.array_equal(ROWS, before, equal_nan=True)


def test_values_are_moved_and_clipped() -> None:
    steps = steps_of(
        {
            "step_00_multiply": np.array([2.0, 2.0]),
            "step_01_add": np.array([-1.0, 0.0]),
            "step_02_maximum": np.array([0.0, 0.0]),
            "step_03_minimum": np.array([4.0, 4.0]),
        },
        2,
    )

    assert prepared(np.array([[-1.0, 1.0], [2.0, 9.0]]), steps).tolist() == [[0.0, 2.0], [3.0, 4.0]]


def test_without_steps_nothing_is_copied() -> None:
    assert prepared(ROWS, ()) is ROWS


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("step_00_power", np.zeros(2), id="unknown operation"),
        pytest.param("step_00_add", np.zeros(3), id="another width"),
        pytest.param("step_00_add", np.zeros((1, 2)), id="another shape"),
        pytest.param("step_00_add", np.zeros(2, np.float32), id="another type"),
    ],
)
def test_what_is_no_step_is_refused(name: str, values: np.ndarray) -> None:
    with pytest.raises(ModelRejectedError, match="is no step for 2 features"):
        steps_of({name: values}, 2)
