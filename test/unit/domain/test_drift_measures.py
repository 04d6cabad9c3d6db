"""The formulas, against SciPy's and against values that can be worked out by hand."""

from __future__ import annotations

from math import isnan, log

import numpy as np
import pytest
from scipy import stats

from app.domain.drift_measures import (
    chi_square_tail,
    holm,
    homogeneity,
    merged,
    same_distribution,
    same_share,
    stability_index,
)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 18])
@pytest.mark.parametrize("statistic", [0.0, 0.1, 3.0, 20.0, 90.0, 1_500.0])
def test_the_tail_of_a_chi_square_is_scipys(statistic: float, degrees: int) -> None:
    wanted = stats.chi2.sf(statistic, degrees)

    assert chi_square_tail(statistic, degrees) == pytest.approx(wanted, rel=1e-9, abs=1e-300)


def test_homogeneity_is_pearsons_test_of_a_table_of_two_rows() -> None:
    left, right = np.array([30.0, 50.0, 20.0]), np.array([90.0, 80.0, 30.0])

    wanted = stats.chi2_contingency([left, right], correction=False).pvalue

    assert homogeneity(left, right) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 1_000), (9, 400)), ((0, 500), (4, 300)), ((400, 2), (300, 9)), ((1, 20), (19, 3))],
    ids=["rare", "never", "nearly-always", "small"],
)
def test_rare_shares_are_compared_by_fishers_test(
    left: tuple[int, int], right: tuple[int, int]
) -> None:
    wanted = stats.fisher_exact([left, right]).pvalue

    assert same_share(left, right) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("pair", [((0, 9), (0, 9)), ((5, 0), (7, 0)), ((0, 0), (1, 2))], ids=str)
def test_shares_that_cannot_differ_are_one(pair: tuple[tuple[int, int], tuple[int, int]]) -> None:
    assert same_share(*pair) == 1.0


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3, 1.0])
def test_two_samples_are_compared_as_scipy_does(shift: float) -> None:
    generator = np.random.default_rng(3)
    left, right = generator.normal(size=700), generator.normal(size=500) + shift

    wanted = stats.ks_2samp(left, right, method="asymp").pvalue

    assert same_distribution(left, right) == pytest.approx(wanted, rel=0.25, abs=0.01)


def test_nothing_is_distributed_like_anything() -> None:
    assert same_distribution(np.array([]), np.array([1.0])) == 1.0
    assert homogeneity(np.zeros(2), np.ones(2)) == 1.0
    assert isnan(stability_index(np.zeros(2), np.ones(2)))


def test_the_index_is_the_divergence_of_the_shares() -> None:
    before, now = np.array([5_000.0, 5_000.0]), np.array([7_000.0, 3_000.0])

    wanted = 0.2 * log(0.7 / 0.5) + -0.2 * log(0.3 / 0.5)

    assert stability_index(before, now) == pytest.approx(wanted, rel=1e-3)


def test_cells_are_merged_until_five_rows_are_expected_in_the_smaller_sample() -> None:
    left = np.array([3.0, 3.0, 88.0, 3.0, 3.0])

    before, now = merged(left, left * 3)

    assert (before.tolist(), now.tolist()) == ([6.0, 88.0, 6.0], [18.0, 264.0, 18.0])
    before, now = merged(np.array([100.0, 0.0, 0.0]), np.array([0.0, 0.0, 100.0]))
    assert (before.tolist(), now.tolist()) == ([100.0, 0.0], [0.0, 100.0])


def test_holm_corrects_from_the_smallest_on() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []
