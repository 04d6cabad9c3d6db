from __future__ import annotations

import numpy as np
import pytest

from app.domain.gains import contest, gain, gain_within, interval


def test_the_gain_of_labels_is_that_of_accuracy() -> None:
    found = contest("classification", ["a", "b", "a", "b"], ["a", "a", "a", "a"], list("abab"))

    assert (found.metric, found.champion, found.candidate) == ("accuracy", 0.5, 1.0)
    assert found.gains.tolist() == [0.0, 1.0, 0.0, 1.0]


def test_the_gain_of_numbers_is_that_of_r2() -> None:
    truth = np.array([0.0, 2.0, 4.0])

    found = contest("regression", truth, np.full(3, 2.0), truth)

    assert (found.metric, found.champion, found.candidate) == ("r2", 0.0, 1.0)
    assert found.gains.mean() == 1.0


def test_of_several_targets_the_mean_counts() -> None:
    truth = np.array([["a", "x"], ["b", "y"]])

    found = contest("classification", truth, truth, np.array([["a", "y"], ["b", "y"]]))

    assert found.candidate == 0.75


def test_an_answer_that_is_no_number_is_the_worst_there_is() -> None:
    found = contest("regression", np.arange(3.0), np.zeros(3), np.array([0.0, np.nan, np.inf]))

    assert np.isfinite(found.gains).all()
    assert found.candidate < -1e200


def test_labels_of_another_type_are_others() -> None:
    assert contest("classification", [1, 2], [1, 2], ["1", "2"]).candidate == 0.0


def test_the_interval_is_the_same_each_time_and_holds_the_mean() -> None:
    gains = np.random.default_rng(1).normal(0.1, 1.0, 500)

    low, high = interval(gains, 0.95)

    assert (low, high) == interval(gains, 0.95)
    assert low < gains.mean() < high
    # A normal approximation for the same rows: ± 1.96 standard errors.
    assert high - low == pytest.approx(2 * 1.96 * gains.std() / np.sqrt(500), rel=0.1)


def test_two_equal_models_differ_by_nothing() -> None:
    assert interval(np.zeros(100), 0.95) == (0.0, 0.0)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    draw = np.random.default_rng(2)
    held = 0
    for _ in range(100):
        low, high = interval(draw.choice([-1.0, 0.0, 1.0], 80, p=[0.1, 0.7, 0.2]), 0.95)
        held += low <= 0.1 <= high

    assert 90 <= held <= 99


def test_a_segment_is_measured_in_the_unit_of_the_whole() -> None:
    found = contest("regression", np.array([0.0, 4.0, 4.0]), np.zeros(3), np.array([0.0, 4.0, 4.0]))

    part = gain_within(found, np.array([False, True, True]), "b: 4", 0.95)

    assert part.n_rows == 2
    assert part.mean == pytest.approx(gain(found, 0.95).mean * 3 / 2)


def test_a_segment_of_no_rows_says_nothing() -> None:
    found = contest("regression", np.arange(3.0), np.zeros(3), np.zeros(3))

    assert gain_within(found, np.zeros(3, dtype=bool), "none", 0.95).n_rows == 0
