from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from app.lifecycle.datasets import Table
from app.lifecycle.measures import Answers
from app.lifecycle.splits import Split
from app.lifecycle.study import LEAST_ROWS, Segment, Study
from test.unit.lifecycle.test_params import a_plan


def a_study(colours: Sequence[object]) -> Study:
    """Of a model that is off by 1 where the colour is red, and right elsewhere."""
    n_rows = len(colours)
    rows = np.empty((n_rows, 2), dtype=object)
    rows[:, 0], rows[:, 1] = colours, np.arange(n_rows, dtype=float).tolist()
    truth = np.arange(n_rows, dtype=float)
    kinds = ("category", "float")
    table = Table("t", ("colour", "n"), rows, truth, False, kinds)  # type: ignore[arg-type]
    guess = truth + np.array([colour == "red" for colour in colours])
    return Study(a_plan(), [], Split(table, table), Answers("regression", truth, guess), "")


def test_each_category_is_measured_apart_the_largest_first() -> None:
    red, blue = a_study(["blue"] * LEAST_ROWS + ["red"] * (LEAST_ROWS + 1)).segments()

    assert (red.value, red.n_rows, red.measures["mae"]) == ("red", LEAST_ROWS + 1, 1.0)
    assert (blue.value, blue.n_rows, blue.measures["mae"]) == ("blue", LEAST_ROWS, 0.0)


def test_a_segment_of_few_rows_has_no_figure() -> None:
    segments = a_study(["blue"] * LEAST_ROWS + ["red"] + [nan] * 2).segments()

    assert segments[1:] == [
        Segment("colour", "missing", 2, {}), Segment("colour", "red", 1, {}),
    ]  # fmt: skip


def test_the_interval_of_a_measure_is_around_it() -> None:
    study = a_study(["blue"] * 30 + ["red"] * 10)

    low, high = study.intervals()["mae"]

    assert 0.05 < low < 0.25 < high < 0.5
    assert study.intervals()["mae"] == (low, high)
