"""Who may come in while others are at work: nobody who would have to wait for too long."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import Final, Self

from app.domain.ports import Queue
from app.errors import OverloadedError

_SHARE: Final = 3
_CROWD: Final = 1_000
_NEWEST_WEIGHT: Final = 1 / 16
_LONG_BYTES: Final = 65_536  # a millisecond of parsing, and the rows that go with it
_LONG_SIFTING_BYTES: Final = 1_024  # a faulty row that is skipped costs fifty good ones
_LONG_AT_ONCE: Final = 2  # one computes without the interpreter while the other one parses


class Turns:
    """Counts the requests at work in one worker, and foresees how long one more would wait.

    Only long work waits here, two at a time: sixty threads that each hold the interpreter for
    milliseconds keep it from a refusal for a second. Short work never waits: threads that queue for
    a turn cost a cheap model a third of its answers, and the interpreter's own lock does the same
    for nothing. A dear engine brings its own queue, which knows best; for any other model the wait
    is the requests at work times the time between two that end.

    With every thread at work, more requests wait in the server, where nobody sees them. Where a
    thousand of them would wait for too long, an eighth of the threads stays free to refuse.

    A subject may come in while its own part of what is full is less than three times what is
    free: alone it gets three quarters, and whoever has nothing at work gets in while there is room.

    Args:
        max_wait_seconds: the longest wait that anybody is let in for.
        threads: of one worker.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        max_wait_seconds: float,
        *,
        threads: int,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._max_wait_seconds = max_wait_seconds
        self._most_at_work = threads - threads // 8
        self._clock = clock
        self._at_work = 0
        self._by_subject: Counter[str] = Counter()
        self._seconds_each = 0.0
        self._since = 0.0
        self._lock = threading.Lock()
        self._long = threading.BoundedSemaphore(_LONG_AT_ONCE)

    def check(self, subject: str, queue: Queue | None) -> None:
        """Let *subject* go on, or not: from what is known now, without a look at the request.

        Args:
            subject: who calls.
            queue: of the engine that will answer; None when it has none.

        Raises:
            OverloadedError: it would have to wait for too long.
        """
        at_work = self._at_work
        if not at_work:
            return
        full = self._full(at_work, queue)
        own = full * self._by_subject[subject] / at_work
        if full >= 1.0 or own >= _SHARE * (1.0 - full):
            raise OverloadedError("More requests are waiting than can be answered in time.")

    def _full(self, at_work: int, queue: Queue | None) -> float:
        """Return which share is taken of the longest wait, or of the threads that may work."""
        each, longest = self._seconds_each, self._max_wait_seconds
        wait = at_work * each if queue is None else queue.wait_seconds()
        if each * _CROWD <= longest:
            return wait / longest
        return max(wait / longest, at_work / self._most_at_work)

    def taken(self, subject: str, n_bytes: int, since: float) -> _Turn:
        """Return what counts one request as at work.

        Entering it raises OverloadedError where the work is long and cannot begin in time.

        Args:
            subject: who calls.
            n_bytes: of the body, which has arrived.
            since: when the request came in, by the clock.
        """
        return _Turn(self, subject, n_bytes, since)

    def wait(self, since: float) -> None:
        """Wait for one of the turns of long work; ``go_on`` gives it to the next.

        Raises:
            OverloadedError: it would begin too long after *since*.
        """
        left = since + self._max_wait_seconds - self._clock()
        if not self._long.acquire(timeout=max(0.0, left)):
            raise OverloadedError("More requests are waiting than can be answered in time.")

    def go_on(self) -> None:
        """Let the next one that waits begin its long work."""
        self._long.release()

    def begin(self, subject: str) -> None:
        """Count a request in; ``taken`` does this, and also counts it out."""
        with self._lock:
            if not self._at_work:
                self._since = self._clock()
            self._at_work += 1
            self._by_subject[subject] += 1

    def end(self, subject: str) -> None:
        """Count a request out, and remember how long it was since the one before it."""
        with self._lock:
            now = self._clock()
            self._seconds_each += (now - self._since - self._seconds_each) * _NEWEST_WEIGHT
            self._since = now
            self._count_out(subject)

    def leave(self, subject: str) -> None:
        """Count a request out that has done nothing."""
        with self._lock:
            self._count_out(subject)

    def _count_out(self, subject: str) -> None:
        self._at_work -= 1
        self._by_subject[subject] -= 1
        if not self._by_subject[subject]:
            del self._by_subject[subject]


class _Turn:
    """One request at work, from ``with`` to the end of its block."""

    __slots__ = ("_is_long", "_n_bytes", "_since", "_subject", "_turns")

    def __init__(self, turns: Turns, subject: str, n_bytes: int, since: float) -> None:
        self._turns = turns
        self._subject = subject
        self._n_bytes = n_bytes
        self._since = since
        self._is_long = False

    def __enter__(self) -> Self:
        self._turns.begin(self._subject)
        if self._n_bytes >= _LONG_BYTES:
            try:
                self._wait()
            except OverloadedError:
                self._turns.leave(self._subject)
                raise
        return self

    def sift(self) -> None:
        """Go on to skip faulty rows, which makes the work long where there may be many.

        Raises:
            OverloadedError: it would begin too late.
        """
        if not self._is_long and self._n_bytes >= _LONG_SIFTING_BYTES:
            self._wait()

    def _wait(self) -> None:
        self._turns.wait(self._since)
        self._is_long = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_long:
            self._turns.go_on()
        self._turns.end(self._subject)
