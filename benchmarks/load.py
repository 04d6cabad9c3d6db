"""A small load generator: keep-alive connections, each of which sends when it has its answer.

The load is closed: a slow answer delays the next request of its connection, so latencies are those
of a caller that waits, and never those of a queue that grows without end.
"""

from __future__ import annotations

import math
import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Final

_PATIENCE_SECONDS: Final = 20.0
_KEPT_HEAD_EVERY: Final = 8
_CHUNK_BYTES: Final = 65_536
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GOOD: Final = re.compile(rb"HTTP/1\.[01] 200\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send, and how much of it.

    Attributes:
        messages: whole requests, sent round and round.
        first_number: when set, the one message is a template such as ``b"… %07d …"``, and each
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
        errors: every other status, and every request that got no whole answer.
        cpu_seconds: what the load generator itself has used.
        heads: status line and headers of every eighth good answer.
    """

    seconds: float
    answers: int
    errors: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    heads: tuple[bytes, ...]


@dataclass(slots=True)
class _Connection:
    wire: socket.socket
    arrived: bytes = b""
    sent_at: float = 0.0


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


def _messages(load: Load) -> Iterator[bytes]:
    if load.first_number is None:
        return islice(cycle(load.messages), load.at_most)
    template = load.messages[0]
    return islice((template % number for number in count(load.first_number)), load.at_most)


class _Driver:
    """One slice of load: one thread, all connections."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._messages = _messages(load)
        self._selector = selectors.DefaultSelector()
        self._deadline = 0.0
        self._latencies: list[float] = []
        self._heads: list[bytes] = []
        self._errors = 0

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
            errors=self._errors,
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
            ready = self._selector.select(_PATIENCE_SECONDS)
            if not ready:
                self._errors += under_way
                return
            for key, _ in ready:
                self._receive(key.data)

    def _open(self) -> None:
        try:
            wire = socket.create_connection(("127.0.0.1", self._load.port), _PATIENCE_SECONDS)
        except OSError:
            self._errors += 1
            return
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(wire)
        self._selector.register(wire, selectors.EVENT_READ, connection)
        self._send(connection)

    def _send(self, connection: _Connection) -> None:
        now = time.perf_counter()
        message = next(self._messages, None) if now < self._deadline else None
        if message is None:
            self._drop(connection)
            return
        connection.sent_at = now
        try:
            connection.wire.sendall(message)
        except OSError:
            self._lose(connection)

    def _receive(self, connection: _Connection) -> None:
        try:
            part = connection.wire.recv(_CHUNK_BYTES)
        except OSError:
            part = b""
        if not part:
            self._lose(connection)
            return
        arrived = connection.arrived + part
        end = arrived.find(_END_OF_HEAD)
        length = _LENGTH.search(arrived, 0, end + 2) if end >= 0 else None
        if end >= 0 and length is None:
            self._lose(connection)  # nobody can say where such an answer ends
        elif length is None or len(arrived) < end + len(_END_OF_HEAD) + int(length[1]):
            connection.arrived = arrived
        else:
            connection.arrived = b""
            self._count(arrived[:end], time.perf_counter() - connection.sent_at)
            self._send(connection)

    def _count(self, head: bytes, seconds: float) -> None:
        if not _GOOD.match(head):
            self._errors += 1
            return
        self._latencies.append(seconds)
        if len(self._latencies) % _KEPT_HEAD_EVERY == 0:
            self._heads.append(head)

    def _lose(self, connection: _Connection) -> None:
        self._errors += 1
        self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._selector.unregister(connection.wire)
        connection.wire.close()
