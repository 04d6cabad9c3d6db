"""A small load generator: keep-alive connections, each of which sends when it has its answer.

The load is closed: a slow answer delays the next request of its connection, so latencies are those
of a caller that waits, and never those of a queue that grows without end.
"""

from __future__ import annotations

import math
import re
import selectors
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Final

from benchmarks.wire import PATIENCE_SECONDS, Wire

_KEPT_HEAD_EVERY: Final = 8
LOST: Final = "lost"
GOOD: Final = re.compile(rb"HTTP/1\.[01] 200\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send, and how much of it.

    Attributes:
        messages: whole requests, sent round and round.
        first_number: when set, the messages are templates such as ``b"… %07d …"``, and each
            request carries the next number.
        seconds: after that nothing more is sent; answers under way are awaited.
        at_most: requests in all; None for as many as there is time for.
    """

    port: int
    messages: tuple[bytes, ...]
    connections: int
    seconds: float
    first_number: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came back.

    Attributes:
        answers: those with status 200; the latencies are theirs.
        failures: every other status, and ``lost`` for every request without a whole answer.
        cpu_seconds: what the load generator itself has used.
        heads: status line and headers of every eighth good answer.
    """

    seconds: float
    answers: int
    failures: dict[str, int]
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    heads: tuple[bytes, ...]

    @property
    def errors(self) -> int:
        """All requests without a good answer."""
        return sum(self.failures.values())


def drive(load: Load) -> Measured:
    """Put *load* on the server at 127.0.0.1 and measure what it answers."""
    driver = _Driver(load)
    try:
        return driver.run()
    finally:
        driver.close()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which *share* of the sorted *values* lie; NaN of nothing."""
    return values[round(share * (len(values) - 1))] if values else math.nan


def numbered(messages: Sequence[bytes], first_number: int | None) -> Iterator[bytes]:
    """Yield *messages* round and round, each with the next number where there is a first one."""
    if first_number is None:
        return cycle(messages)
    return (message % number for message, number in zip(cycle(messages), count(first_number)))


class _Driver:
    """One slice of load: one thread, all connections."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._messages = islice(numbered(load.messages, load.first_number), load.at_most)
        self._selector = selectors.DefaultSelector()
        self._deadline = 0.0
        self._latencies: list[float] = []
        self._heads: list[bytes] = []
        self._failures: Counter[str] = Counter()

    def run(self) -> Measured:
        cpu, started = time.process_time(), time.perf_counter()
        self._deadline = started + self._load.seconds
        for _ in range(self._load.connections):
            self._open()
        self._until_all_are_answered()
        seconds = time.perf_counter() - started
        waits = sorted(self._latencies)
        return Measured(
            seconds=seconds,
            answers=len(waits),
            failures=dict(self._failures),
            p50_ms=percentile(waits, 0.5) * 1e3,
            p99_ms=percentile(waits, 0.99) * 1e3,
            cpu_seconds=time.process_time() - cpu,
            heads=tuple(self._heads),
        )

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            self._drop(key.data)
        self._selector.close()

    def _until_all_are_answered(self) -> None:
        while under_way := len(self._selector.get_map()):
            ready = self._selector.select(PATIENCE_SECONDS)
            if not ready:
                self._failures[LOST] += under_way
                return
            for key, events in ready:
                self._go_on(key.data, events)

    def _open(self) -> None:
        now = time.perf_counter()
        message = next(self._messages, None) if now < self._deadline else None
        if message is None:
            return
        try:
            wire = Wire(self._load.port)
        except OSError:
            self._failures[LOST] += 1
            return
        self._selector.register(wire, selectors.EVENT_READ, wire)
        self._send(wire, message, now)

    def _send(self, wire: Wire, message: bytes, now: float) -> None:
        try:
            wire.send(message, now)
        except OSError:
            self._lose(wire)
            return
        if wire.wanted() != selectors.EVENT_READ:
            self._selector.modify(wire, wire.wanted(), wire)

    def _go_on(self, wire: Wire, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                wire.go_on()
                self._selector.modify(wire, wire.wanted(), wire)
            head = wire.answer() if events & selectors.EVENT_READ else None
        except OSError:
            self._lose(wire)
            return
        if head is not None:
            self._answered(wire, head)

    def _answered(self, wire: Wire, head: bytes) -> None:
        now = time.perf_counter()
        self._count(head, now - wire.since)
        if wire.is_over:
            self._drop(wire)
            self._open()
            return
        message = next(self._messages, None) if now < self._deadline else None
        if message is None:
            self._drop(wire)
        else:
            self._send(wire, message, now)

    def _count(self, head: bytes, seconds: float) -> None:
        if not GOOD.match(head):
            self._failures[head[9:12].decode("latin-1")] += 1
            return
        self._latencies.append(seconds)
        if len(self._latencies) % _KEPT_HEAD_EVERY == 0:
            self._heads.append(head)

    def _lose(self, wire: Wire) -> None:
        self._failures[LOST] += 1
        self._drop(wire)

    def _drop(self, wire: Wire) -> None:
        self._selector.unregister(wire)
        wire.close()
