"""Clients that call without a pause, and count what they got."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from test.builders import a_token
from test.e2e.calls import PREDICT, Address, a_body, json_headers, send, until

CALLS_PER_SUBJECT = 40
CLIENTS = 8


@dataclass(slots=True)
class Tally:
    """What clients have seen: answers by status, and when a connection was cut or refused."""

    statuses: dict[int, int] = field(default_factory=dict)
    cut_at: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def accepted(self) -> int:
        return self.statuses.get(200, 0)

    def answered(self, status: int) -> None:
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def cut(self) -> None:
        with self.lock:
            self.cut_at.append(time.monotonic())

    def wait_for_more(self, count: int) -> None:
        """Wait until *count* more calls are answered with 200."""
        wanted = self.accepted + count
        until(lambda: self.accepted >= wanted, f"not {count} more answers", seconds=60)


@contextmanager
def load(server: Address, *, clients: int = CLIENTS, pause: float = 0.0) -> Iterator[Tally]:
    """Keep *clients* calling until the block ends; each spends less than a limit of 50."""
    tally, stop = Tally(), threading.Event()
    with ThreadPoolExecutor(clients) as pool:
        started = [pool.submit(_call, server, tally, stop, pause) for _ in range(clients)]
        try:
            yield tally
        finally:
            stop.set()
    for client in started:
        client.result()


def _call(server: Address, tally: Tally, stop: threading.Event, pause: float) -> None:
    connection = server.connect()
    body, count, headers = a_body(), 0, json_headers()
    while not stop.is_set():
        if count % CALLS_PER_SUBJECT == 0:
            headers = json_headers(a_token(sub=f"{id(connection)}-{count}-{time.monotonic()}"))
        count += 1
        try:
            tally.answered(send(connection, "POST", PREDICT, body=body, headers=headers).status)
        except (OSError, http.client.HTTPException):
            tally.cut()
            connection.close()
            stop.wait(0.01)
        if pause:
            stop.wait(pause)
    connection.close()
