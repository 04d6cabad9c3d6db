from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
import pytest

from app.domain.sequential import Count, Increase, Share, lower_bound, upper_bound

LEVEL = 0.05
ENOUGH = -math.log(LEVEL)


def chance(hits: int, trials: int, share: float) -> float:
    return math.comb(trials, hits) * share**hits * (1 - share) ** (trials - hits)


def ever_above(share: float, limit: float, trials: int) -> float:
    """The exact chance that one of so many looks refutes "at most the limit"."""
    alive, refuted = {0: 1.0}, 0.0
    for n in range(1, trials + 1):
        after: dict[int, float] = defaultdict(float)
        for hits, weight in alive.items():
            after[hits] += weight * (1 - share)
            after[hits + 1] += weight * share
        crossed = [h for h in after if Share(Count(h, n)).log_e_above(limit) >= ENOUGH]
        refuted += sum(after.pop(h) for h in crossed)
        alive = after
    return refuted


@pytest.mark.parametrize("limit", [0.01, 0.05, 0.5], ids=str)
def test_a_true_limit_is_refuted_no_oftener_than_the_level_over_any_number_of_looks(
    limit: float,
) -> None:
    assert 0.0 < ever_above(limit, limit, trials=300) <= LEVEL


def test_a_share_far_above_the_limit_is_found() -> None:
    assert ever_above(0.3, 0.05, trials=100) > 0.95


@cache
def crosses(base: Count, count: Count, limit: float) -> bool:
    return Increase(base, count).log_e_above(limit) >= ENOUGH


def by_turns(_a: int, m: int, _b: int, n: int) -> bool:
    return m <= n


def to_whoever_does_well(a: int, m: int, b: int, n: int) -> bool:
    return a * (n + 1) <= b * (m + 1) or m < 2


def ever_increased(
    shares: tuple[float, float], limit: float, *, trials: int, is_base_next: Callable[..., bool]
) -> float:
    """The same of two streams: a hits in m trials, b in n, and a rule says whose trial is next."""
    alive, refuted = {(0, 0, 0, 0): 1.0}, 0.0
    for _ in range(trials):
        after: dict[tuple[int, int, int, int], float] = defaultdict(float)
        for (a, m, b, n), weight in alive.items():
            if is_base_next(a, m, b, n):
                after[a, m + 1, b, n] += weight * (1 - shares[0])
                after[a + 1, m + 1, b, n] += weight * shares[0]
            else:
                after[a, m, b, n + 1] += weight * (1 - shares[1])
                after[a, m, b + 1, n + 1] += weight * shares[1]
        crossed = [k for k in after if crosses(Count(*k[:2]), Count(*k[2:]), limit)]
        refuted += sum(after.pop(k) for k in crossed)
        alive = after
    return refuted


@pytest.mark.no_cover  # the same few lines a hundred thousand times
@pytest.mark.parametrize(
    ("shares", "limit"), [((0.3, 0.3), 0.0), ((0.1, 0.2), 0.1), ((0.0, 0.05), 0.05)], ids=str
)
def test_a_true_increase_is_refuted_no_oftener_though_the_outcomes_steer_the_split(
    shares: tuple[float, float], limit: float
) -> None:
    assert ever_increased(shares, limit, trials=40, is_base_next=to_whoever_does_well) <= LEVEL


def test_an_increase_far_above_the_limit_is_found() -> None:
    assert ever_increased((0.05, 0.9), 0.1, trials=40, is_base_next=by_turns) > 0.95


@pytest.mark.parametrize("limit", [0.02, 0.3, 0.9], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 1.0], ids=str)
def test_the_mean_e_value_of_a_true_share_is_at_most_one(share: float, limit: float) -> None:
    counts = [Count(hits, 30) for hits in range(31)]
    log_e = [
        Share(count).log_e_above(limit) if share <= limit else Share(count).log_e_below(limit)
        for count in counts
    ]

    mean = sum(chance(*count, share) * math.exp(e) for count, e in zip(counts, log_e, strict=True))
    assert 0.0 < mean <= 1.0 + 1e-12


@pytest.mark.parametrize("limit", [-0.3, 0.0, 0.1, 0.6], ids=str)
@pytest.mark.parametrize(
    ("base", "share"), [(0.0, 0.02), (0.3, 0.3), (0.1, 0.7), (1.0, 0.6)], ids=str
)
def test_the_mean_e_value_of_a_true_increase_is_at_most_one(
    base: float, share: float, limit: float
) -> None:
    mean = 0.0
    for a, b in product(range(13), range(8)):
        of = Increase(Count(a, 12), Count(b, 7))
        weight = chance(a, 12, base) * chance(b, 7, share)
        log_e = of.log_e_above(limit) if share - base <= limit else of.log_e_below(limit)
        mean += weight * math.exp(log_e) if weight else 0.0

    assert 0.0 < mean <= 1.0 + 1e-12


def likeliest_on_a_grid(of: Increase, limit: float) -> float:
    base = np.linspace(max(0.0, -limit), min(1.0, 1.0 - limit), 200_001)
    total = np.zeros_like(base)
    for count, share in ((of.base, base), (of.count, base + limit)):
        with np.errstate(divide="ignore", invalid="ignore"):
            for times, part in ((count.hits, share), (count.misses, 1.0 - share)):
                total += times * np.log(np.clip(part, 0.0, 1.0)) if times else 0.0
    return float(np.nanmax(total))


@pytest.mark.parametrize(
    ("base", "count", "limit"),
    [
        (Count(1, 100), Count(9, 100), 0.01),
        (Count(0, 4_000), Count(3, 400), 0.001),
        (Count(0, 50), Count(50, 50), 0.5),
        (Count(30, 40), Count(0, 3), -0.2),
        (Count(7, 9), Count(9, 9), 0.0),
        (Count(500, 1_000), Count(1, 5), 0.25),
        (Count(3, 1_000), Count(3, 5), 0.999),
    ],
    ids=str,
)
def test_the_likelihood_is_held_against_its_greatest_under_the_limit(
    base: Count, count: Count, limit: float
) -> None:
    of = Increase(base, count)
    log_e = of.log_e_above(limit) if of.estimate > limit else of.log_e_below(limit)

    mixtures = sum(
        math.lgamma(c.hits + 0.5) + math.lgamma(c.misses + 0.5)
        - math.lgamma(c.trials + 1) - math.log(math.pi)
        for c in (base, count)
    )  # fmt: skip
    assert log_e == pytest.approx(mixtures - likeliest_on_a_grid(of, limit), abs=1e-4)


@pytest.mark.parametrize(
    "of",
    [Share(Count(30, 1_000)), Increase(Count(10, 1_000), Count(30, 500))],
    ids=["share", "increase"],
)
def test_values_from_a_bound_on_are_refuted_and_values_within_are_not(of: Share | Increase) -> None:
    lower, upper = lower_bound(of, LEVEL), upper_bound(of, LEVEL)

    assert of.least < lower < of.estimate < upper < 1.0
    assert of.log_e_above(lower) >= ENOUGH > of.log_e_above(lower + 1e-6)
    assert of.log_e_below(upper) >= ENOUGH > of.log_e_below(upper - 1e-6)


def test_bounds_close_in_as_counts_grow() -> None:
    widths = [
        upper_bound(of, LEVEL) - lower_bound(of, LEVEL)
        for of in (Increase(Count(n, 50 * n), Count(n, 50 * n)) for n in (1, 10, 100, 10_000))
    ]

    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.004


@pytest.mark.parametrize(
    "of",
    [
        Share(Count(0, 0)),
        Increase(Count(0, 0), Count(3, 3)),
        Increase(Count(0, 9), Count(0, 0)),
    ],
    ids=["nothing", "no champion", "no candidate"],
)
def test_without_trials_nothing_is_known(of: Share | Increase) -> None:
    assert math.isnan(of.estimate)
    assert (of.log_e_above(0.01), of.log_e_below(0.01)) == (0.0, 0.0)
    assert (lower_bound(of, LEVEL), upper_bound(of, LEVEL)) == (of.least, 1.0)


def test_what_cannot_be_is_refuted_for_certain() -> None:
    assert Share(Count(1, 5)).log_e_above(0.0) == math.inf
    assert Increase(Count(0, 5), Count(1, 5)).log_e_below(1.0) == math.inf
    assert lower_bound(Share(Count(0, 5)), LEVEL) == 0.0
