from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from app.adapters.engines.batched import BatchedEngine
from app.domain.ports import FloatArray, Matrix, Scores
from app.errors import OverloadedError

POISON = -1.0
SECONDS = 20.0


def scores_of(matrix: Matrix) -> Scores:
    """A label and two probabilities that tell which row they belong to."""
    values = matrix[:, 0]
    return Scores(np.array([f"is {value:g}" for value in values]), np.stack([values, -values], 1))


class Gated:
    """An engine that is slow as long as the test wants, and remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def predict(self, matrix: Matrix) -> Scores:
        self.calls.append(matrix[:, 0].tolist())
        self.begun.release()
        assert self.may_end.acquire(timeout=SECONDS)
        if POISON in matrix:
            raise ValueError("poison")
        return scores_of(matrix)


class Shared:
    """A batched engine around a gated one, with threads that ask it."""

    def __init__(self, pool: ThreadPoolExecutor, max_rows: int, **changes: float) -> None:
        times = {"call_seconds": 0.0, "max_wait_seconds": SECONDS} | changes
        self.engine = Gated()
        self.batched = BatchedEngine(self.engine, max_rows=max_rows, **times)
        self._pool = pool

    def ask(self, *values: float) -> Future[Scores]:
        """Ask for rows with these values, and return when they wait or are being scored."""
        before = self._under_way()
        asked = self._pool.submit(self.batched.predict, rows(*values))
        until(lambda: self._under_way() > before or asked.done())
        return asked

    def begins(self) -> list[float]:
        """Wait until a call has begun, and return its rows."""
        assert self.engine.begun.acquire(timeout=SECONDS)
        return self.engine.calls[-1]

    def end(self, calls: int = 1) -> None:
        self.engine.may_end.release(calls)

    def _under_way(self) -> tuple[int, int]:
        return len(self.engine.calls), len(self.batched._waiting)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


def rows(*values: float) -> FloatArray:
    return np.array([[value, 0.0] for value in values])


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def assert_answers(asked: Future[Scores], *values: float) -> None:
    found, expected = asked.result(SECONDS), scores_of(rows(*values))
    assert found.predictions.tolist() == expected.predictions.tolist()
    assert isinstance(found.probabilities, np.ndarray)
    assert isinstance(expected.probabilities, np.ndarray)
    assert found.probabilities.tolist() == expected.probabilities.tolist()


def test_a_request_alone_is_one_call(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=100)
    shared.end()

    assert_answers(shared.ask(1, 2, 3), 1, 2, 3)
    assert shared.engine.calls == [[1, 2, 3]]


def test_who_waits_goes_along_in_the_order_of_coming(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=100)
    first = shared.ask(1)
    shared.begins()
    others = [shared.ask(2), shared.ask(3, 4), shared.ask(5)]
    shared.end()

    assert shared.begins() == [2, 3, 4, 5]
    shared.end()
    assert_answers(first, 1)
    for asked, values in zip(others, [(2,), (3, 4), (5,)], strict=True):
        assert_answers(asked, *values)
    assert len(shared.engine.calls) == 2


def test_a_call_has_no_more_rows_than_it_may(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=2)
    asked = [shared.ask(0)]
    shared.begins()
    asked += [shared.ask(value) for value in range(1, 6)]
    shared.end(4)

    for value, one in enumerate(asked):
        assert_answers(one, value)
    assert shared.engine.calls == [[0], [1, 2], [3, 4], [5]]


def test_a_large_request_lets_others_in_between_its_pieces(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=2)
    large = shared.ask(1, 2, 3, 4, 5, 6)
    shared.begins()
    small = shared.ask(7)
    shared.end()

    assert shared.begins() == [7, 3]
    shared.end()
    assert_answers(small, 7)
    assert not large.done()
    shared.end(2)
    assert_answers(large, 1, 2, 3, 4, 5, 6)
    assert shared.engine.calls == [[1, 2], [7, 3], [4, 5], [6]]


def test_small_requests_without_end_do_not_starve_a_large_one(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=2)
    large = shared.ask(1, 2, 3, 4)
    shared.begins()
    small = []
    for value in range(5, 9):
        small.append(shared.ask(value))
        shared.end()
        shared.begins()
        if large.done():
            break
    shared.end(2)

    assert_answers(large, 1, 2, 3, 4)
    assert shared.engine.calls[:3] == [[1, 2], [5, 3], [6, 4]]
    for number, asked in enumerate(small):
        assert_answers(asked, 5 + number)


def test_two_large_requests_take_turns(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=2)
    one = shared.ask(1, 2, 3, 4)
    shared.begins()
    other = shared.ask(5, 6, 7, 8)
    shared.end(4)

    assert_answers(one, 1, 2, 3, 4)
    assert_answers(other, 5, 6, 7, 8)
    assert shared.engine.calls == [[1, 2], [5, 6], [3, 4], [7, 8]]


@pytest.mark.parametrize("place", range(4))
def test_an_error_stays_in_its_own_request(pool: ThreadPoolExecutor, place: int) -> None:
    shared = Shared(pool, max_rows=100)
    first = shared.ask(0)
    shared.begins()
    values = [10.0, 11.0, 12.0, 13.0]
    values[place] = POISON
    asked = [shared.ask(value) for value in values]
    shared.end(100)

    assert_answers(first, 0)
    for value, one in zip(values, asked, strict=True):
        if value == POISON:
            with pytest.raises(ValueError, match="poison"):
                one.result(SECONDS)
        else:
            assert_answers(one, value)


def test_a_large_request_that_fails_ends_there(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=2)
    shared.end(100)

    with pytest.raises(ValueError, match="poison"):
        shared.ask(1, 2, POISON, 4, 5, 6).result(SECONDS)
    assert shared.engine.calls == [[1, 2], [POISON, 4]]
    assert_answers(shared.ask(7), 7)


class Exits:
    """An engine that wants to end its thread."""

    def predict(self, _: Matrix) -> Scores:
        raise SystemExit(3)


def test_an_engine_that_ends_its_thread_keeps_nobody_waiting() -> None:
    batched = BatchedEngine(Exits(), max_rows=2, call_seconds=0.0, max_wait_seconds=SECONDS)

    for _ in range(2):
        with pytest.raises(SystemExit):
            batched.predict(rows(1))
    assert batched.wait_seconds() == 0.0


class Forgetful:
    """An engine that loses the last row."""

    def __init__(self, *, loses: str) -> None:
        self._loses = loses

    def predict(self, matrix: Matrix) -> Scores:
        scores = scores_of(matrix)
        members: dict[str, Any] = {
            "predictions": scores.predictions,
            "probabilities": scores.probabilities,
        }
        return Scores(**members | {self._loses: members[self._loses][:-1]})


@pytest.mark.parametrize("loses", ["predictions", "probabilities"])
def test_an_answer_with_another_number_of_rows_is_given_to_nobody(loses: str) -> None:
    engine = Forgetful(loses=loses)
    batched = BatchedEngine(engine, max_rows=2, call_seconds=0.0, max_wait_seconds=SECONDS)

    with pytest.raises(RuntimeError, match="2 rows"):
        batched.predict(rows(1, 2, 3))


class Doubles:
    """A regression."""

    def predict(self, matrix: Matrix) -> Scores:
        return Scores(matrix[:, 0] * 2, None)


def test_a_regression_in_pieces_has_no_probabilities() -> None:
    batched = BatchedEngine(Doubles(), max_rows=2, call_seconds=0.0, max_wait_seconds=SECONDS)

    found = batched.predict(rows(1, 2, 3, 4, 5))

    assert found.predictions.tolist() == [2, 4, 6, 8, 10]
    assert found.probabilities is None


def test_who_has_waited_too_long_is_refused_and_nobody_else(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=100, max_wait_seconds=0.02)
    first = shared.ask(1)
    shared.begins()
    late = shared.ask(2)
    with pytest.raises(OverloadedError):
        late.result(SECONDS)
    shared.end(2)

    assert_answers(first, 1)
    assert_answers(shared.ask(3), 3)
    assert shared.engine.calls == [[1], [3]]


def test_a_request_that_has_begun_is_never_refused(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=1, max_wait_seconds=0.02)
    large = shared.ask(1, 2)
    shared.begins()
    with pytest.raises(OverloadedError):
        shared.ask(3).result(SECONDS)  # by then the large one has waited as long
    shared.end(2)

    assert_answers(large, 1, 2)


def test_who_would_wait_too_long_is_refused_at_once(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=100, call_seconds=3_600.0)
    first = shared.ask(1)
    shared.begins()

    with pytest.raises(OverloadedError):
        shared.batched.predict(rows(2))
    shared.end()
    assert_answers(first, 1)


def test_the_wait_is_the_rest_of_this_call_and_the_full_ones_after_it(
    pool: ThreadPoolExecutor,
) -> None:
    shared = Shared(pool, max_rows=2, call_seconds=3_600.0, max_wait_seconds=9 * 3_600.0)
    foreseen = [shared.batched.wait_seconds()]
    asked = [shared.ask(0)]
    shared.begins()
    for value in range(1, 5):
        foreseen.append(shared.batched.wait_seconds())
        asked.append(shared.ask(value))
    shared.end(3)

    assert [round(seconds / 3_600) for seconds in foreseen] == [0, 1, 1, 2, 2]
    for value, one in enumerate(asked):
        assert_answers(one, value)
    assert shared.batched.wait_seconds() == 0.0


def test_a_large_request_holds_up_nobody_for_longer_than_a_piece(pool: ThreadPoolExecutor) -> None:
    shared = Shared(pool, max_rows=2, call_seconds=3_600.0, max_wait_seconds=9 * 3_600.0)
    first = shared.ask(0)
    shared.begins()
    large = shared.ask(*range(100))

    assert round(shared.batched.wait_seconds() / 3_600) == 2
    shared.end(100)
    assert_answers(first, 0)
    assert_answers(large, *range(100))


class Counting:
    """An engine that lets other threads run, as those of scikit-learn do."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.at_once = 0

    def predict(self, matrix: Matrix) -> Scores:
        self.at_once += 1
        assert self.at_once == 1
        self.sizes.append(len(matrix))
        time.sleep(0.0005)
        self.at_once -= 1
        return scores_of(matrix)


def test_a_crowd_gets_its_own_rows_back(pool: ThreadPoolExecutor) -> None:
    engine = Counting()
    batched = BatchedEngine(engine, max_rows=8, call_seconds=0.0, max_wait_seconds=SECONDS)
    generator = np.random.default_rng(1)
    asked = [generator.random(size) for size in generator.integers(1, 30, 300)]

    found = pool.map(batched.predict, [rows(*values) for values in asked])

    for values, scores in zip(asked, found, strict=True):
        expected = scores_of(rows(*values))
        assert scores.predictions.tolist() == expected.predictions.tolist()
    assert max(engine.sizes) <= 8
    assert sum(engine.sizes) == sum(map(len, asked))


def test_a_stall_is_forgotten_by_calls_that_follow_no_other() -> None:
    class AtOnce:
        def predict(self, matrix: Matrix) -> Scores:
            return scores_of(matrix)

    batched = BatchedEngine(AtOnce(), max_rows=4, call_seconds=60.0, max_wait_seconds=0.25)
    for _ in range(100):
        batched.predict(rows(1.0))

    assert batched._call_seconds < 0.25


class Several:
    """Two targets with two and three classes, whose shares tell which row they belong to."""

    def __init__(self, loses: int = 0) -> None:
        self._loses = loses

    def predict(self, matrix: Matrix) -> Scores:
        values: FloatArray = matrix[:, 0].astype(np.float64)
        shares = np.stack([values, -values], 1), np.stack([values] * 3, 1)[self._loses :]
        return Scores(np.stack([values, values + 1], 1), shares)


def test_several_targets_are_put_together_target_by_target() -> None:
    batched = BatchedEngine(Several(), max_rows=2, call_seconds=0.0, max_wait_seconds=SECONDS)

    found = batched.predict(rows(1, 2, 3, 4, 5))

    assert found.predictions.tolist() == [[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]]
    assert isinstance(found.probabilities, tuple)
    assert [it.shape for it in found.probabilities] == [(5, 2), (5, 3)]
    assert found.probabilities[1][:, 0].tolist() == [1, 2, 3, 4, 5]


def test_a_target_that_lacks_a_row_is_given_to_nobody() -> None:
    batched = BatchedEngine(Several(1), max_rows=2, call_seconds=0.0, max_wait_seconds=SECONDS)

    with pytest.raises(RuntimeError, match="2 rows"):
        batched.predict(rows(1, 2, 3))
