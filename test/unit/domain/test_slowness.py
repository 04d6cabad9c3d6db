from __future__ import annotations

import pytest

from app.domain.slowness import LEAST_KNOWN, Slowness, Timed, learn


def answered(rows: int, *seconds: float) -> list[Timed]:
    return [Timed(rows, each) for each in seconds]


def test_slow_is_what_lies_beyond_the_quantile_of_the_champion() -> None:
    found = learn(answered(1, *(n / 1_000 for n in range(1, 101))), 0.95)

    assert found == Slowness({1: 0.095})
    assert not found.is_slow(Timed(1, 0.095))
    assert found.is_slow(Timed(1, 0.0951))


def test_large_requests_have_a_limit_of_their_own() -> None:
    small, large = answered(1, *[0.001] * LEAST_KNOWN), answered(600, *[0.2] * LEAST_KNOWN)

    found = learn(small + large, 0.95)

    assert found is not None
    assert [found.is_slow(Timed(rows, 0.1)) for rows in (1, 1_023)] == [True, False]


@pytest.mark.parametrize(("rows", "is_slow"), [(2, True), (300, False), (9_000, False)], ids=str)
def test_an_unknown_size_goes_by_the_nearest_known(rows: int, is_slow: bool) -> None:  # noqa: FBT001
    assert Slowness({1: 0.001, 10: 0.2}).is_slow(Timed(rows, 0.1)) is is_slow


def test_a_size_with_too_few_requests_has_no_limit() -> None:
    few = answered(64, *[9.0] * (LEAST_KNOWN - 1))

    assert learn(few, 0.95) is None
    assert learn([*few, *answered(1, *[0.1] * LEAST_KNOWN)], 0.95) == Slowness({1: 0.1})
