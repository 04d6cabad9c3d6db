"""A candidate in the shadow: it scores what the champion has answered, and nobody waits for it."""

from __future__ import annotations

import threading
import time
import weakref
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Final

from app.adapters.shadow_work import RECORD_SECONDS, Listeners, ShadowWork
from app.domain.comparison import ShadowReport
from app.domain.prediction import ServedModel
from app.domain.shadow import Answered
from app.domain.traffic import Split

MOST_COPIES: Final = 1_000
MOST_VALUES: Final = 4_194_304  # 32 MiB as float64
MOST_ROWS: Final = 1_000  # in one call
_GATHERING_SECONDS: Final = 0.02
_BURST_SECONDS: Final = 0.001


class ShadowQueue:
    """Fulfils the port ``Shadow`` for one candidate.

    What does not fit into the queue is dropped and counted; a candidate that hangs fills it, and
    that is all. The thread begins with the first copy, and ends when nobody holds the queue.

    Args:
        listeners: hear of each comparison.
        candidate: scores the copies.
        split: says which share of the requests is copied, and how far numbers may differ.
    """

    def __init__(self, listeners: Listeners, candidate: ServedModel, split: Split) -> None:
        self._work = ShadowWork(candidate, split, listeners)
        self._waiting = _Waiting()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._waiting.close)

    def offer(self, answered: Answered) -> None:
        """Have the candidate score the same rows some time later; never waits, never raises."""
        work, split = self._work, self._work.split
        if answered.model is work.candidate or not len(answered.matrix):
            return
        if not split.covers(answered.request_id):
            return
        if not self._waiting.put(answered):
            work.listeners.metrics.shadowed(ShadowReport(split.model, split.version, "dropped"))
        elif self._thread is None:
            self._start()

    def failed(self, version: str) -> None:
        """There is no answer to compare with."""

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                work, waiting = self._work, self._waiting
                self._thread = threading.Thread(
                    target=_follow, args=(waiting, work), name="shadow", daemon=True
                )
                self._thread.start()


class _Waiting:
    """Copies that wait, bounded in number and in values."""

    def __init__(self) -> None:
        self._copies: SimpleQueue[Answered | None] = SimpleQueue()
        self._n_copies = 0
        self._n_values = 0
        self._counting = threading.Lock()
        self.is_closed = False

    def put(self, copy: Answered) -> bool:
        """Take *copy*; False where there is no room."""
        size = copy.matrix.size
        with self._counting:
            if self._n_copies >= MOST_COPIES or self._n_values + size > MOST_VALUES:
                return False
            self._n_copies += 1
            self._n_values += size
        self._copies.put(copy)
        return True

    def get(self, seconds: float) -> Answered | None:
        """Return the copy that has waited longest; None where none comes in so many seconds."""
        try:
            copy = self._copies.get(timeout=seconds) if seconds else self._copies.get_nowait()
        except Empty:
            return None
        if copy is not None:
            with self._counting:
                self._n_copies -= 1
                self._n_values -= copy.matrix.size
        return copy

    def burst(self, first: Answered, n_rows: int) -> list[Answered]:
        """Return *first*, and what waits behind it until there are *n_rows* rows."""
        copies, missing = [first], n_rows - len(first.matrix)
        while missing > 0:
            copy = self.get(0)
            if copy is None:
                break
            copies.append(copy)
            missing -= len(copy.matrix)
        return copies

    def close(self) -> None:
        """End; called when the queue is collected, wherever that is, so it takes no lock."""
        self.is_closed = True
        self._copies.put(None)


def _follow(waiting: _Waiting, work: ShadowWork) -> None:
    """Take the copies in bursts, each after a rest as long as the burst before it.

    So they never have more than half of the interpreter. Where none waits some may gather first: a
    thread that wakes with every request costs that request more than the copy.
    """
    n_rows = 1
    while not waiting.is_closed:
        copy = waiting.get(RECORD_SECONDS)
        rest = _GATHERING_SECONDS
        while copy is not None and not waiting.is_closed:
            time.sleep(rest)
            burst = waiting.burst(copy, n_rows)
            started = perf_counter()
            work.follow(burst)
            rest = perf_counter() - started
            n_rows = _rows_in_time(sum(len(it.matrix) for it in burst), rest)
            work.remember_when_due()
            copy = waiting.get(0)
        work.remember_when_due()
    work.remember()


def _rows_in_time(n_rows: int, seconds: float) -> int:
    """Return how many rows a burst may have, after one of *n_rows* took so long."""
    return max(1, min(MOST_ROWS, int(n_rows * _BURST_SECONDS / seconds)))
