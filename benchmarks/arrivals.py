"""An open load: requests come at a fixed rate, whatever becomes of those before them.

Latencies count from the moment at which a request was due, so a server that cannot keep up cannot
hide it by holding the callers back.
"""

from __future__ import annotations

import re
import selectors
import time
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

from benchmarks.load import GOOD, numbered, percentile
from benchmarks.wire import PATIENCE_SECONDS, Wire

_REFUSED: Final = re.compile(rb"HTTP/1\.[01] 503\b[\s\S]*\r\nretry-after: *\d", re.IGNORECASE)
_FINEST_SLEEP_SECONDS: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Requests that come evenly.

    Attributes:
        messages: templates such as ``b"… %07d …"``; each request carries the next number.
        most_connections: beyond, a request waits in the generator for a connection; its clock runs.
    """

    port: int
    messages: tuple[bytes, ...]
    first_number: int
    per_second: float
    seconds: float
    most_connections: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What became of them.

    Attributes:
        seconds: from the first request to the last answer.
        offered: requests that were due.
        answers: those with status 200; p50 and p99 are theirs.
        refused: those with status 503 and ``Retry-After``.
        errors: everything else, and no answer at all.
    """

    seconds: float
    offered: int
    answers: int
    refused: int
    errors: int
    p50_ms: float
    p99_ms: float
    refused_p99_ms: float


def meet(arrivals: Arrivals) -> Met:
    """Send *arrivals* to the server at 127.0.0.1, each when it is due."""
    driver = _Driver(arrivals)
    try:
        return driver.run()
    finally:
        driver.close()


class _Driver:
    """One thread, as many connections as are needed up to the most that are allowed."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._total = round(arrivals.per_second * arrivals.seconds)
        endless = numbered(arrivals.messages, arrivals.first_number)
        self._messages = islice(endless, self._total)
        self._selector = selectors.DefaultSelector()
        self._idle: list[Wire] = []
        self._waiting: deque[float] = deque()
        self._waits: list[float] = []
        self._refusals: list[float] = []
        self._errors = 0

    def run(self) -> Met:
        started = time.perf_counter()
        step, due = 1 / self._arrivals.per_second, 0
        while not self._is_done(due):
            now = time.perf_counter()
            while due < self._total and started + due * step <= now:
                self._waiting.append(started + due * step)
                due += 1
            self._send_waiting()
            next_at = started + due * step if due < self._total else now + PATIENCE_SECONDS
            pause = max(0.0, next_at - time.perf_counter() - _FINEST_SLEEP_SECONDS)
            ready = self._selector.select(pause)
            if not ready and due == self._total:
                break
            for key, events in ready:
                self._go_on(key.data, events)
        return self._met(time.perf_counter() - started)

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            key.data.close()
        self._selector.close()

    def _is_done(self, due: int) -> bool:
        return due == self._total == len(self._waits) + len(self._refusals) + self._errors

    def _met(self, seconds: float) -> Met:
        waits, refusals = sorted(self._waits), sorted(self._refusals)
        return Met(
            seconds=seconds,
            offered=self._total,
            answers=len(waits),
            refused=len(refusals),
            errors=self._total - len(waits) - len(refusals),
            p50_ms=percentile(waits, 0.5) * 1e3,
            p99_ms=percentile(waits, 0.99) * 1e3,
            refused_p99_ms=percentile(refusals, 0.99) * 1e3,
        )

    def _send_waiting(self) -> None:
        while self._waiting:
            wire = self._free_wire()
            if wire is None:
                return
            try:
                wire.send(next(self._messages), self._waiting.popleft())
            except OSError:
                self._lose(wire)
            else:
                self._watch(wire)

    def _free_wire(self) -> Wire | None:
        if self._idle:
            return self._idle.pop()
        if len(self._selector.get_map()) >= self._arrivals.most_connections:
            return None
        try:
            wire = Wire(self._arrivals.port)
        except OSError:
            return None
        self._selector.register(wire, selectors.EVENT_READ, wire)
        return wire

    def _watch(self, wire: Wire) -> None:
        if self._selector.get_key(wire).events != wire.wanted():
            self._selector.modify(wire, wire.wanted(), wire)

    def _go_on(self, wire: Wire, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                wire.go_on()
                self._watch(wire)
            head = wire.answer() if events & selectors.EVENT_READ else None
        except OSError:
            if wire in self._idle:
                self._idle.remove(wire)  # closed by the server while nothing was under way
                self._errors -= 1
            self._lose(wire)
            return
        if head is not None:
            self._answered(wire, head, time.perf_counter() - wire.since)

    def _answered(self, wire: Wire, head: bytes, seconds: float) -> None:
        if GOOD.match(head):
            self._waits.append(seconds)
        elif _REFUSED.match(head):
            self._refusals.append(seconds)
        else:
            self._errors += 1
        if wire.is_over:
            self._drop(wire)
        else:
            self._idle.append(wire)

    def _lose(self, wire: Wire) -> None:
        self._errors += 1
        self._drop(wire)

    def _drop(self, wire: Wire) -> None:
        self._selector.unregister(wire)
        wire.close()
