from __future__ import annotations

import numpy as np
import pytest

from app.domain.comparison import compare
from app.domain.ports import Scores


def labels(*values: object, shares: list[list[float]] | None = None) -> Scores:
    return Scores(np.array(values), None if shares is None else np.array(shares))


def numbers(*values: float) -> Scores:
    return Scores(np.array(values), None)


def test_labels_agree_when_they_are_equal() -> None:
    found = compare(labels("a", "b", "c"), labels("a", "b", "a"), "classification", 0.5)

    assert (found.n_rows, found.n_agreeing, found.differences) == (3, 2, None)


def test_labels_of_another_type_do_not_agree() -> None:
    found = compare(labels("1", "2"), labels(1, 2), "classification", 0.0)

    assert found.n_agreeing == 0


def test_the_difference_of_labels_is_that_of_their_probabilities() -> None:
    theirs = labels(0, 1, shares=[[0.9, 0.1], [0.4, 0.6]])
    ours = labels(0, 1, shares=[[0.8, 0.2], [0.4, 0.6]])

    found = compare(theirs, ours, "classification", 0.0)

    assert found.differences is not None
    assert found.differences.tolist() == pytest.approx([0.1, 0.0])
    assert found.largest == pytest.approx(0.1)


def test_probabilities_of_other_classes_are_not_compared() -> None:
    found = compare(
        labels(0, shares=[[0.9, 0.1]]), labels(0, shares=[[0.8, 0.1, 0.1]]), "classification", 0.0
    )

    assert (found.n_agreeing, found.differences, found.largest) == (1, None, None)


def test_numbers_agree_within_the_tolerance_of_the_champions() -> None:
    found = compare(numbers(100.0, 100.0, 0.0), numbers(101.0, 103.0, 0.0), "regression", 0.02)

    assert found.n_agreeing == 2
    assert found.differences is not None
    assert found.differences.tolist() == pytest.approx([1.0, 3.0, 0.0])


def test_a_row_with_several_targets_agrees_when_all_do() -> None:
    theirs = Scores(np.array([[1.0, 2.0], [3.0, 4.0]]), None)
    ours = Scores(np.array([[1.0, 2.0], [3.0, 9.0]]), None)

    found = compare(theirs, ours, "regression", 0.0)

    assert found.n_agreeing == 1
    assert found.largest == 5.0


def test_what_is_no_number_is_no_difference_and_does_not_agree() -> None:
    theirs, ours = numbers(float("nan"), 1.0, float("nan")), numbers(1.0, float("inf"), np.nan)

    found = compare(theirs, ours, "regression", 0.1)

    assert (found.n_agreeing, found.largest) == (1, 0.0)


def test_answers_of_another_shape_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="shapes"):
        compare(numbers(1.0, 2.0), numbers(1.0), "regression", 0.0)
