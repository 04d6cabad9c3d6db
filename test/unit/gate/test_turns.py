from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import perf_counter

import pytest

from app.errors import OverloadedError
from app.gate.turns import Turns

LONGEST = 0.25


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Line:
    """Somebody's queue, which says how long one more would wait."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def wait_seconds(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> Turns:
    return Turns(LONGEST, threads=64, clock=clock)


def has_learned(turns: Turns, clock: Clock, seconds_each: float) -> Turns:
    """Let enough requests end, one after the other, for *turns* to know how long each takes."""
    for _ in range(200):
        with turns.taken("teacher", 1, 0.0):
            clock.now += seconds_each
    return turns


@contextmanager
def at_work(turns: Turns, **counts: int) -> Iterator[None]:
    with ExitStack() as stack:
        for subject, count in counts.items():
            for _ in range(count):
                stack.enter_context(turns.taken(subject, 1, 0.0))
        yield


def gets_in(turns: Turns, subject: str, queue: Line | None = None) -> bool:
    try:
        turns.check(subject, queue)
    except OverloadedError:
        return False
    return True


def takes_all_it_gets(stack: ExitStack, turns: Turns, subject: str) -> int:
    """Return how many requests of *subject* got in; they work until *stack* ends."""
    count = 0
    while gets_in(turns, subject):
        stack.enter_context(turns.taken(subject, 1, 0.0))
        count += 1
    return count


def test_whoever_comes_first_gets_in_however_slow_the_model_is(turns: Turns, clock: Clock) -> None:
    has_learned(turns, clock, seconds_each=30.0)

    assert gets_in(turns, "alice")


def test_a_request_that_would_wait_too_long_is_refused(turns: Turns, clock: Clock) -> None:
    has_learned(turns, clock, seconds_each=0.010)

    with at_work(turns, alice=8, bob=8, carol=8):
        assert gets_in(turns, "dave")
        with at_work(turns, dave=2):
            assert not gets_in(turns, "erin")


def test_the_queue_of_the_engine_knows_better(turns: Turns, clock: Clock) -> None:
    has_learned(turns, clock, seconds_each=0.0002)

    with at_work(turns, alice=1):
        assert gets_in(turns, "bob", Line(LONGEST - 0.01))
        assert not gets_in(turns, "bob", Line(LONGEST))


def test_a_subject_alone_fills_three_quarters_of_the_wait(turns: Turns, clock: Clock) -> None:
    has_learned(turns, clock, seconds_each=0.010)
    with ExitStack() as stack:
        assert takes_all_it_gets(stack, turns, "greedy") == 19
        assert gets_in(turns, "honest")


def test_the_more_is_taken_the_less_a_subject_gets(turns: Turns, clock: Clock) -> None:
    has_learned(turns, clock, seconds_each=0.001)
    with ExitStack() as stack:
        got = [takes_all_it_gets(stack, turns, f"greedy-{n}") for n in range(2)]

        assert got == [42, 11]
        assert gets_in(turns, "honest")


def test_a_cheap_model_may_keep_every_thread_at_work(turns: Turns, clock: Clock) -> None:
    has_learned(turns, clock, seconds_each=0.0002)

    with at_work(turns, alice=64):
        assert gets_in(turns, "alice")


def test_threads_stay_free_where_connections_nobody_sees_could_wait_too_long(
    turns: Turns, clock: Clock
) -> None:
    has_learned(turns, clock, seconds_each=0.0005)

    with at_work(turns, alice=30, bob=25):
        assert gets_in(turns, "carol")
        with at_work(turns, carol=1):
            assert not gets_in(turns, "dave")


def test_what_fails_is_counted_out_too(turns: Turns) -> None:
    for _ in range(100):
        with pytest.raises(RuntimeError), turns.taken("alice", 1, 0.0):
            raise RuntimeError

    assert turns._at_work == 0
    assert not turns._by_subject


def test_time_without_a_request_is_not_the_time_that_one_takes(turns: Turns, clock: Clock) -> None:
    has_learned(turns, clock, seconds_each=0.010)
    clock.now += 3_600.0
    with turns.taken("alice", 1, 0.0):
        clock.now += 0.010

    with at_work(turns, alice=3, bob=3):
        assert gets_in(turns, "carol")


@pytest.mark.parametrize("threads", [1, 2])
def test_few_threads_still_work(threads: int, clock: Clock) -> None:
    turns = has_learned(Turns(LONGEST, threads=threads, clock=clock), clock, 0.1)

    assert gets_in(turns, "alice")


LONG = 1_000_000


def test_long_work_waits_while_two_others_are_at_it() -> None:
    turns = Turns(LONGEST, threads=64)
    begun = threading.Event()

    def third() -> None:
        with turns.taken("third", LONG, perf_counter()):
            begun.set()

    with turns.taken("first", LONG, perf_counter()):
        with turns.taken("second", LONG, perf_counter()):
            waiting = threading.Thread(target=third)
            waiting.start()
            assert not begun.wait(LONGEST / 10)
        assert begun.wait(LONGEST)
        waiting.join()


def test_short_work_never_waits_for_long_work() -> None:
    turns = Turns(LONGEST, threads=64)

    with (
        turns.taken("first", LONG, perf_counter()),
        turns.taken("second", LONG, perf_counter()),
        turns.taken("third", 1, perf_counter()),
    ):
        pass


def test_long_work_that_cannot_begin_in_time_is_refused_and_not_counted() -> None:
    turns = Turns(LONGEST, threads=64)
    too_old = perf_counter() - LONGEST

    with (
        turns.taken("first", LONG, perf_counter()),
        turns.taken("second", LONG, perf_counter()),
        pytest.raises(OverloadedError),
        turns.taken("third", LONG, too_old),
    ):
        pytest.fail("it has begun")

    with turns.taken("first", LONG, perf_counter()), turns.taken("third", LONG, perf_counter()):
        assert turns._by_subject == {"first": 1, "third": 1}


@pytest.mark.parametrize(("n_bytes", "waits"), [(2_000, True), (60, False)], ids=["many", "few"])
def test_skipping_rows_is_long_work_where_there_may_be_many(
    n_bytes: int,
    waits: bool,  # noqa: FBT001
) -> None:
    turns = Turns(0.02, threads=64)
    begun = [False]

    def sifts() -> None:
        with turns.taken("third", n_bytes, perf_counter()) as turn:
            turn.sift()
            begun[0] = True

    with turns.taken("first", LONG, perf_counter()), turns.taken("second", LONG, perf_counter()):
        with suppress(OverloadedError):
            sifts()
        assert begun == [not waits]
    sifts()
    assert begun == [True]
    assert turns._at_work == 0


def test_long_work_that_skips_rows_keeps_its_one_turn() -> None:
    turns = Turns(0.02, threads=64)

    for _ in range(3):
        with turns.taken("alice", LONG, perf_counter()) as turn:
            turn.sift()
            turn.sift()
            with turns.taken("bob", LONG, perf_counter()):
                pass
