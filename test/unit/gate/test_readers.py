from __future__ import annotations

from contextlib import ExitStack

import pytest

from app.errors import OverloadedError
from app.gate.readers import Readers


def hold_all_it_gets(stack: ExitStack, readers: Readers, subject: str) -> int:
    """Return how many places *subject* got, which it holds until *stack* ends."""
    held = 0
    try:
        while True:
            stack.enter_context(readers.reading(subject))
            held += 1
    except OverloadedError:
        return held


def test_a_subject_alone_gets_a_third_of_the_places() -> None:
    with ExitStack() as stack:
        assert hold_all_it_gets(stack, Readers(threads=64), "alice") == 19


def test_the_more_is_taken_the_less_a_subject_gets() -> None:
    readers = Readers(threads=64)
    with ExitStack() as stack:
        got = [hold_all_it_gets(stack, readers, f"greedy-{n}") for n in range(4)]

    assert got == [19, 13, 8, 6]


@pytest.mark.parametrize("threads", [8, 64, 512])
def test_three_that_take_all_they_get_leave_places_for_others(threads: int) -> None:
    readers = Readers(threads)
    with ExitStack() as stack:
        for number in range(3):
            hold_all_it_gets(stack, readers, f"greedy-{number}")
        with readers.reading("honest"):
            pass


def test_an_eighth_of_the_threads_never_reads() -> None:
    readers = Readers(threads=64)
    with ExitStack() as stack:
        for number in range(56):
            stack.enter_context(readers.reading(f"guest-{number}"))
        with pytest.raises(OverloadedError), readers.reading("late"):
            pass


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_few_threads_still_read(threads: int) -> None:
    readers = Readers(threads)
    for _ in range(3):
        with readers.reading("alice"):
            pass


def test_a_place_is_free_again_after_a_body_that_failed() -> None:
    readers = Readers(threads=4)
    for _ in range(5):
        with pytest.raises(RuntimeError), readers.reading("alice"):
            raise RuntimeError
    with readers.reading("alice"):
        pass

    assert readers._by_subject == {}
