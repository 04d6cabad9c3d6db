"""A candidate in the shadow: it scores what the champion has answered, and nobody waits for it."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from app.adapters.null import NullMetrics
from app.adapters.shadow_record import ShadowRecord
from app.domain.comparison import Answers, Comparison, ShadowReport, compare
from app.domain.ports import Audit, Metrics
from app.domain.prediction import Result, ServedModel, Wish, predict
from app.domain.shadow import Answered
from app.domain.traffic import Split
from app.errors import AuditDownError

log = logging.getLogger("gatehouse.shadow")
MOST_COPIES: Final = 1_000
MOST_VALUES: Final = 4_194_304  # 32 MiB as float64
RECORD_SECONDS: Final = 5.0  # one record of the audit log sums up so long
_GATHERING_SECONDS: Final = 0.02
_BURST_SECONDS: Final = 0.001
_SILENT: Final = NullMetrics()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who hears of a comparison. An audit log that is slow or down costs copies, no answers.

    ``compared`` is told of each that was made, or at which the candidate failed.
    """

    metrics: Metrics
    audit: Audit
    compared: Callable[[ShadowReport], None] | None = None


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
        self._work = _Work(candidate, split, listeners)
        self._split = split
        self._waiting = _Waiting()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._waiting.close)

    def offer(self, answered: Answered) -> None:
        """Have the candidate score the same rows some time later; never waits, never raises."""
        work = self._work
        if answered.model is work.candidate or not self._split.covers(answered.request_id):
            return
        if not self._waiting.put(answered):
            work.listeners.metrics.shadowed(
                ShadowReport(self._split.model, self._split.version, "dropped")
            )
        elif self._thread is None:
            self._start()

    def failed(self, version: str) -> None:
        """There is no answer to compare with."""

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                work, waiting = self._work, self._waiting
                self._thread = threading.Thread(
                    target=lambda: work.through(waiting), name="shadow", daemon=True
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

    def close(self) -> None:
        """End; called when the queue is collected, wherever that is, so it takes no lock."""
        self.is_closed = True
        self._copies.put(None)


class _Remembered(NamedTuple):
    """What an answer from the cache still tells."""

    predictions: Any
    probabilities: None = None


class _Work:
    """What the thread does. It does not hold the queue's owner, so that this can be let go."""

    def __init__(self, candidate: ServedModel, split: Split, listeners: Listeners) -> None:
        self.candidate = candidate
        self.listeners = listeners
        self._split = split
        self._record = ShadowRecord(candidate.contract)

    def through(self, waiting: _Waiting) -> None:
        """Take the copies in bursts, each after a rest as long as the burst before it.

        So it never has more than half of the interpreter. Where none waits it first lets some
        gather: a thread that wakes with every request costs that request more than the copy.
        """
        while not waiting.is_closed:
            copy = waiting.get(RECORD_SECONDS)
            rest = _GATHERING_SECONDS
            while copy is not None and not waiting.is_closed:
                time.sleep(rest)
                started = perf_counter()
                while copy is not None and perf_counter() - started < _BURST_SECONDS:
                    self.follow(copy)
                    copy = waiting.get(0)
                rest = perf_counter() - started
                self._remember_when_due()
            self._remember_when_due()
        self._remember()

    def follow(self, copy: Answered) -> None:
        """Score *copy*, compare, and tell; whatever a candidate raises is counted."""
        split = self._split
        started = perf_counter()
        try:
            result = predict(self.candidate, copy.matrix, Wish(), cache=None, metrics=_SILENT)
            seconds = perf_counter() - started
            found = self._compared(copy, result)
        except Exception as error:
            log.debug("shadow failed", exc_info=True)
            report = ShadowReport(split.model, split.version, "failed")
            self._record.add(copy, report, b"", type(error).__name__)
        else:
            theirs = copy.seconds if copy.result.scores is not None else None
            report = ShadowReport(split.model, split.version, "compared", found, theirs, seconds)
            self._record.add(copy, report, result.fragment)
        self.listeners.metrics.shadowed(report)
        if self.listeners.compared is not None:
            self.listeners.compared(report)

    def _compared(self, copy: Answered, result: Result) -> Comparison:
        assert result.scores is not None  # noqa: S101  there is no cache
        theirs: Answers | None = copy.result.scores
        if theirs is None:
            members = orjson.loads(b"{" + copy.result.fragment + b"}")
            theirs = _Remembered(np.array(members["predictions"]))
        task = self.candidate.contract.task
        return compare(theirs, result.scores, task, self._split.tolerance)

    def _remember_when_due(self) -> None:
        if self._record.age_seconds >= RECORD_SECONDS:
            self._remember()

    def _remember(self) -> None:
        event = self._record.taken()
        if event is None:
            return
        try:
            self.listeners.audit.record(event)
        except AuditDownError:
            log.debug("comparisons not remembered")
