from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from app.domain.segments import MISSING, OTHERS, segments


def sizes(values: Sequence[object], *, is_number: bool) -> dict[str, int]:
    array = np.array(values, dtype=np.float64 if is_number else object)
    return {it.label: int(it.is_in.sum()) for it in segments("x", array, is_number=is_number)}


def test_a_category_is_a_segment() -> None:
    assert sizes(["a", "b", "a", float("nan")], is_number=False) == {"a": 2, "b": 1, MISSING: 1}


def test_few_numbers_are_told_apart() -> None:
    found = sizes([0.0, 1.0, 1.0, float("nan")], is_number=True)

    assert found == {"0": 1, "1": 2, MISSING: 1}


def test_many_numbers_are_cut_at_their_quartiles() -> None:
    found = sizes([*map(float, range(100))], is_number=True)

    assert found == {"up to 24.75": 25, "24.75 to 49.5": 25, "49.5 to 74.25": 25, "above 74.25": 25}


def test_the_rarest_of_many_categories_go_together() -> None:
    found = sizes([f"c{number:02d}" for number in range(25)] + ["c00"] * 3, is_number=False)

    assert len(found) == 21
    assert found[OTHERS] == 5
    assert found["c00"] == 4


@pytest.mark.parametrize(
    ("values", "is_number"),
    [([0.0] * 60 + [*map(float, range(40))], True), (["a"] * 3 + ["b"], False)],
    ids=["numbers", "categories"],
)
def test_every_row_is_in_one_segment(values: list[object], *, is_number: bool) -> None:
    array = np.array(values, dtype=np.float64 if is_number else object)

    parts = segments("x", array, is_number=is_number)

    assert np.sum([it.is_in for it in parts], axis=0).tolist() == [1] * len(values)


def test_rows_of_which_nothing_is_known_are_one_segment() -> None:
    assert sizes([float("nan")] * 3, is_number=True) == {MISSING: 3}
