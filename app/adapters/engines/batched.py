"""Turns at one engine: requests that arrive while it is busy go along in its next call."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import Final, NamedTuple, cast

import numpy as np

from app.domain.ports import Engine, FloatArray, Matrix, Probabilities, Scores
from app.errors import OverloadedError

_NEWEST_WEIGHT: Final = 1 / 8


@dataclass(slots=True, eq=False)
class _Job:
    """One request: its rows, what is answered of them, and the lock on which its thread waits.

    ``turn`` is free once when the thread shall make the next call, and once when all is answered.
    """

    matrix: Matrix
    turn: threading.Lock = field(default_factory=threading.Lock)
    parts: list[Scores] = field(default_factory=list)
    n_answered: int = 0
    error: BaseException | None = None
    leads: bool = False
    is_done: bool = False

    @property
    def n_left(self) -> int:
        return len(self.matrix) - self.n_answered

    def advance(self, part: Scores) -> None:
        self.parts.append(part)
        self.n_answered += len(part.predictions)
        self.is_done = not self.n_left

    def fail(self, error: BaseException) -> None:
        self.error, self.is_done = error, True

    def result(self) -> Scores:
        if self.error is not None:
            raise self.error
        if len(self.parts) == 1:
            return self.parts[0]
        predictions = np.concatenate([part.predictions for part in self.parts])
        return Scores(predictions, joined_probabilities(self.parts))


class _Piece(NamedTuple):
    """Rows of one request that go into one call."""

    job: _Job
    rows: Matrix


class BatchedEngine:
    """One engine of one model version, called by one thread at a time.

    A thread that finds it busy waits. Whoever makes the next call takes all who wait, in the order
    in which they came, as far as the rows go; what is left of a large request goes to the end of
    the queue, so it holds nobody up for longer than one call. There is no timer: a thread that
    finds the engine idle calls it at once.

    Args:
        engine: answers each row by itself, whatever other rows go with it.
        max_rows: of one call, 1 or more.
        call_seconds: what a call takes, until that is known from calls.
        max_wait_seconds: a request that has not begun by then is refused.
    """

    def __init__(
        self, engine: Engine, *, max_rows: int, call_seconds: float, max_wait_seconds: float
    ) -> None:
        self._engine = engine
        self._max_rows = max_rows
        self._call_seconds = call_seconds
        self._max_wait_seconds = max_wait_seconds
        self._called_at = 0.0
        self._waiting: deque[_Job] = deque()
        self._rows_waiting = 0
        self._is_busy = False
        self._goes_on = False
        self._lock = threading.Lock()

    def wait_seconds(self) -> float:
        """Return how long one more request would wait before its first row is scored."""
        if not self._is_busy:
            return 0.0
        of_this_call = max(0.0, self._called_at + self._call_seconds - perf_counter())
        return of_this_call + self._rows_waiting // self._max_rows * self._call_seconds

    def predict(self, matrix: Matrix) -> Scores:
        """Score every row of *matrix*, shape (n_rows, n_features).

        Raises:
            OverloadedError: it would have to wait for too long.
        """
        job = _Job(matrix)
        job.turn.acquire()
        self._enter(job)
        self._await_first_turn(job)
        while not job.is_done:
            self._call(job)
            if not job.is_done:
                job.turn.acquire()
        return job.result()

    def _enter(self, job: _Job) -> None:
        with self._lock:
            if self.wait_seconds() > self._max_wait_seconds:
                raise OverloadedError("More requests wait for the model than it can answer.")
            self._wait_in_line(job)
            if not self._is_busy:
                self._is_busy = True
                self._let_first_call()

    def _await_first_turn(self, job: _Job) -> None:
        if job.turn.acquire(timeout=self._max_wait_seconds):
            return
        with self._lock:
            if not job.leads and not job.n_answered and job in self._waiting:
                self._waiting.remove(job)
                self._rows_waiting -= min(job.n_left, self._max_rows)
                raise OverloadedError("The model has not become free in time.")
        job.turn.acquire()

    def _call(self, leader: _Job) -> None:
        """Make one call for all who wait, then let the first of those who came meanwhile call."""
        sleep(0)  # gives the interpreter to threads on their way here: they come along
        with self._lock:
            self._note_begin()
            leader.leads = False
            pieces = self._take()
        self._answer(pieces)
        with self._lock:
            self._note_end()
            for job, _ in pieces:
                if job.is_done:
                    job.turn.release()
                else:
                    self._wait_in_line(job)
            self._is_busy = self._goes_on = bool(self._waiting)
            if self._is_busy:
                self._let_first_call()

    def _note_begin(self) -> None:
        """Learn from two calls in a row what one takes, with handing over from thread to thread."""
        now = perf_counter()
        if self._goes_on:
            seconds = now - self._called_at
            self._call_seconds += (seconds - self._call_seconds) * _NEWEST_WEIGHT
        self._called_at = now

    def _note_end(self) -> None:
        """Learn from a call that followed no other.

        While a stall is remembered, whoever would make a second call is refused: from calls in a
        row alone it would never be forgotten.
        """
        if not self._goes_on:
            seconds = perf_counter() - self._called_at
            self._call_seconds += (seconds - self._call_seconds) * _NEWEST_WEIGHT

    def _wait_in_line(self, job: _Job) -> None:
        self._waiting.append(job)
        self._rows_waiting += min(job.n_left, self._max_rows)

    def _let_first_call(self) -> None:
        first = self._waiting[0]
        first.leads = True
        first.turn.release()

    def _take(self) -> list[_Piece]:
        pieces: list[_Piece] = []
        room = self._max_rows
        while self._waiting and room > 0:
            job = self._waiting.popleft()
            self._rows_waiting -= min(job.n_left, self._max_rows)
            rows = job.matrix[job.n_answered : job.n_answered + room]
            pieces.append(_Piece(job, rows))
            room -= len(rows)
        return pieces

    def _answer(self, pieces: Sequence[_Piece]) -> None:
        """Answer *pieces* together; an error stays with its own request.

        Where the call fails it is made again by halves: one bad request among 64 costs a dozen
        calls, and not 64.
        """
        try:
            scores = self._scores([rows for _, rows in pieces])
        except BaseException as error:  # noqa: BLE001  the thread that asked raises it
            if len(pieces) == 1:
                pieces[0].job.fail(error)
                return
            half = len(pieces) // 2
            self._answer(pieces[:half])
            self._answer(pieces[half:])
            return
        start = 0
        for job, rows in pieces:
            stop = start + len(rows)
            job.advance(scores.between(start, stop))
            start = stop

    def _scores(self, parts: Sequence[Matrix]) -> Scores:
        matrix = parts[0] if len(parts) == 1 else np.concatenate(parts)
        scores = self._engine.predict(matrix)
        found = {len(matrix), len(scores.predictions)}
        shares = scores.probabilities
        if shares is not None:
            found.update(map(len, shares) if isinstance(shares, tuple) else [len(shares)])
        if len(found) > 1:
            raise RuntimeError(f"the engine was given {len(matrix)} rows and answered others")
        return scores


def joined_probabilities(parts: Sequence[Scores]) -> Probabilities | None:
    """Return the probabilities of *parts* one after the other, for each target by itself."""
    known = [part.probabilities for part in parts if part.probabilities is not None]
    if not known:
        return None
    if isinstance(known[0], tuple):
        return tuple(map(np.concatenate, zip(*known, strict=True)))
    return np.concatenate(cast("list[FloatArray]", known))
