"""What both stores of limits do: one suite, a real LMDB file and a real Redis."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from app.domain.ports import Limits
from app.domain.rates import Charge, Rate, parse_rates
from test.adapters.limit_stores import EPOCH, Clock, Place

FORK = multiprocessing.get_context("fork")
PER_MINUTE = Rate(limit=3, window_seconds=60)
PLACES = Rate(limit=2, window_seconds=60, policy="concurrent", is_held=True)
_NUMBER = count()


@pytest.fixture
def limits(place: Place, clock: Clock) -> Limits:
    return place.limits(clock)


def somebody() -> str:
    """A subject whom no test and no example has met."""
    return f"subject:{next(_NUMBER)}"


def charges(whose: str, *rates: Rate, cost: int = 1) -> list[Charge]:
    return [Charge(whose, rate, cost) for rate in rates]


def test_the_limit_is_admitted_and_no_more(limits: Limits) -> None:
    asked = charges(somebody(), PER_MINUTE)

    verdicts = [limits.admit(asked) for _ in range(5)]

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert {verdict.reset_seconds for verdict in verdicts} == {60}


def test_one_subject_does_not_spend_anothers_limit(limits: Limits) -> None:
    greedy = charges(somebody(), PER_MINUTE)
    for _ in range(3):
        limits.admit(greedy)

    assert limits.admit(charges(somebody(), PER_MINUTE)).allowed
    assert not limits.admit(greedy).allowed


def test_policies_of_the_same_window_are_counted_apart(limits: Limits) -> None:
    subject = somebody()
    limits.admit(charges(subject, PER_MINUTE, cost=3))

    assert limits.admit(charges(subject, replace(PER_MINUTE, policy="forests"))).allowed


def test_a_place_is_free_again_when_the_window_has_moved_on(limits: Limits, clock: Clock) -> None:
    asked = charges(somebody(), PER_MINUTE)
    for moment in (0.0, 20.0, 40.0):
        clock.time = EPOCH + moment
        limits.admit(asked)
    clock.time = EPOCH + 59.0
    refused = limits.admit(asked)
    clock.time = EPOCH + 61.0

    assert (refused.allowed, refused.reset_seconds) == (False, 1)
    assert limits.admit(asked).allowed
    assert not limits.admit(asked).allowed


def test_what_one_rate_refuses_spends_nothing_of_the_others(limits: Limits, clock: Clock) -> None:
    asked = charges(somebody(), *parse_rates("1 per second; 3 per hour"))
    assert limits.admit(asked).allowed
    for _ in range(10):
        assert not limits.admit(asked).allowed

    for _ in range(2):
        clock.time += 1.1
        assert limits.admit(asked).allowed
    clock.time += 1.1
    refused = limits.admit(asked)
    assert (refused.allowed, refused.rate.window_seconds) == (False, 3600)


def test_a_cost_is_paid_in_full_or_not_at_all(limits: Limits) -> None:
    subject = somebody()

    assert not limits.admit(charges(subject, PER_MINUTE, cost=4)).allowed
    assert limits.admit(charges(subject, PER_MINUTE, cost=3)).allowed
    assert not limits.admit(charges(subject, PER_MINUTE)).allowed


def test_what_is_given_back_can_be_spent_again(limits: Limits, clock: Clock) -> None:
    subject = somebody()
    limits.admit(charges(subject, PER_MINUTE))
    clock.time += 0.1
    dear = charges(subject, PER_MINUTE, cost=2)
    spent = limits.admit(dear)
    clock.time += 30

    limits.give_back(dear, spent.at)

    assert limits.admit(dear).allowed
    assert not limits.admit(charges(subject, PER_MINUTE)).allowed


def test_giving_back_what_has_run_out_makes_no_room(limits: Limits, clock: Clock) -> None:
    asked = charges(somebody(), PER_MINUTE)
    old = limits.admit(asked)
    clock.time += 61
    limits.admit(asked)

    limits.give_back(asked, old.at)

    assert [limits.admit(asked).allowed for _ in range(3)] == [True, True, False]


def test_a_held_place_is_told_of_only_when_it_is_missing(limits: Limits) -> None:
    subject = somebody()
    both = charges(subject, Rate(100, 60), PLACES)

    first, second, third = (limits.admit(both) for _ in range(3))

    assert [first.rate.name, second.rate.name] == ["60s", "60s"]
    assert (third.allowed, third.rate.name, third.reset_seconds) == (False, "concurrent", 1)
    limits.give_back(both[1:], second.at)
    assert limits.admit(both).remaining == 97


def test_a_place_that_nobody_gives_back_runs_out(limits: Limits, clock: Clock) -> None:
    held = charges(somebody(), PLACES)
    for _ in range(2):
        limits.admit(held)
    clock.time += 60 / 128 + 60

    assert limits.admit(held).allowed


def test_a_clock_that_is_set_back_neither_frees_nor_locks_out(limits: Limits, clock: Clock) -> None:
    asked = charges(somebody(), PER_MINUTE)
    for _ in range(3):
        limits.admit(asked)
        clock.time += 10
    clock.time -= 3_600

    assert not limits.admit(asked).allowed
    clock.time += 61
    assert [limits.admit(asked).allowed for _ in range(4)] == [True, True, True, False]


def test_any_subject_is_a_subject(limits: Limits) -> None:
    for whose in ("", "\ud800", "a\0b", "{x}:y", "é" * 3_000):
        assert limits.admit(charges(somebody() + whose, PER_MINUTE)).remaining == 2


def test_the_store_has_a_clock_of_its_own(place: Place) -> None:
    limits, asked = place.limits(), charges(somebody(), PER_MINUTE)

    verdicts = [limits.admit(asked) for _ in range(4)]
    limits.give_back(asked, verdicts[0].at)

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert limits.admit(asked).allowed


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 0.3, 1.0, 4.0, 9.9, 10.0, 10.1, 25.0]),  # seconds pass
        st.integers(1, 4),  # cost
        st.booleans(),  # whether it is given back at the next step
        st.sampled_from([0.0, 0.0, 0.0, 0.5, 30.0]),  # how far the clock is set back
    ),
    max_size=40,
)


@given(steps=STEPS, sets_clock=st.booleans())
@bounded(deadline=None, max_examples=60)
def test_no_stretch_of_one_window_ever_holds_more_than_the_limit(
    place: Place, *, steps: list[tuple[float, int, bool, float]], sets_clock: bool
) -> None:
    clock, rate, whose = Clock(), Rate(limit=5, window_seconds=10), somebody()
    limits, elapsed = place.limits(clock), 0.0
    accepted: list[tuple[float, int]] = []
    for seconds, cost, gives_back, set_back in steps:
        elapsed += seconds
        clock.time += seconds - set_back * sets_clock
        asked = charges(whose, rate, cost=cost)
        verdict = limits.admit(asked)
        if verdict.allowed and gives_back:
            limits.give_back(asked, verdict.at)
        elif verdict.allowed:
            accepted.append((elapsed, cost))
        assert sum(spent for at, spent in accepted if at >= elapsed - 10) <= 5


@given(steps=STEPS)
@bounded(deadline=None, max_examples=60)
def test_both_stores_say_the_same(
    lmdb_place: Place, redis_place: Place, steps: list[tuple[float, int, bool, float]]
) -> None:
    clock, whose = Clock(), somebody()
    stores = [found.limits(clock) for found in (lmdb_place, redis_place)]
    rates = (Rate(5, 10), Rate(9, 30, "rows"), replace(PLACES, limit=8))
    for seconds, cost, gives_back, _ in steps:
        clock.time += round(seconds * 64) / 64  # a time that both can write exactly
        asked = charges(whose, *rates, cost=cost)
        one, other = (limits.admit(asked) for limits in stores)
        assert one == other
        for limits in stores if gives_back else ():
            limits.give_back(asked, one.at)


def _spend(place: Place, whose: str, accepted: multiprocessing.Queue[int]) -> None:
    limits, asked = place.limits(), charges(whose, Rate(100, 60))
    with ThreadPoolExecutor(4) as pool:
        accepted.put(sum(pool.map(lambda _: limits.admit(asked).allowed, range(100))))


def test_processes_and_threads_share_one_count(place: Place) -> None:
    accepted, whose = FORK.Queue(), somebody()
    workers = [FORK.Process(target=_spend, args=(place, whose, accepted)) for _ in range(4)]
    for worker in workers:
        worker.start()
    total = sum(accepted.get(timeout=30) for _ in workers)
    for worker in workers:
        worker.join()

    assert total == 100
