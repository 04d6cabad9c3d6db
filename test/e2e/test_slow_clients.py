"""Callers that send slowly, or nothing: others get their answers all the same."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from test.e2e import exposition
from test.e2e.calls import HOST, predict, until
from test.e2e.server import Server, running_server
from test.e2e.wire import head, signed

pytestmark = pytest.mark.e2e
ANSWER_SECONDS = 1.0
HEAD = head("Content-Length: 1000")
BODY = HEAD + b" "
HALF_A_HEAD = HEAD[: HEAD.index(b"\r\n") + 2] + b"X: "


@contextmanager
def connections(server: Server, sent: Sequence[bytes]) -> Iterator[list[socket.socket]]:
    """Hold a connection for each beginning of a request in *sent*."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection((HOST, server.port), timeout=10))
            for _ in sent
        ]
        for connection, beginning in zip(opened, sent, strict=True):
            connection.sendall(beginning)
        yield opened


def slowest_answer(server: Server, dripping: Sequence[socket.socket], rounds: int) -> float:
    """Return the longest time, in seconds, that a caller waited for a good answer.

    Between two calls, each of *dripping* sends one more byte, unless the server has let it go.
    """
    slowest = 0.0
    for _ in range(rounds):
        for connection in dripping:
            with suppress(OSError):
                connection.sendall(b" ")
        started = time.monotonic()
        assert predict(server).status == 200
        slowest = max(slowest, time.monotonic() - started)
    return slowest


def bodies(count: int, subjects: int) -> list[bytes]:
    """Return the beginnings of *count* predict calls of so many subjects."""
    names = [secrets.token_hex(8) for _ in range(subjects)]
    return [signed(BODY, names[number % subjects]) for number in range(count)]


def test_slow_bodies_do_not_keep_others_waiting(gateway: Server) -> None:
    with connections(gateway, bodies(40, subjects=40)) as dripping:
        until(lambda: exposition.in_flight(gateway) > 40, "the slow requests did not arrive")

        assert slowest_answer(gateway, dripping, rounds=20) < ANSWER_SECONDS


# gunicorn reads what is left of a refused body before it lets the thread go, so it needs a proxy.
@pytest.mark.parametrize("kind", ["granian"], indirect=True)
@pytest.mark.parametrize("subjects", [1, 4, 8])
def test_a_few_subjects_with_more_slow_bodies_than_threads_keep_nobody_out(
    gateway: Server, subjects: int
) -> None:
    turned_away = exposition.server_errors(gateway)

    with connections(gateway, bodies(40 * subjects, subjects)) as dripping:
        until(lambda: exposition.server_errors(gateway) > turned_away, "nobody was turned away")

        assert slowest_answer(gateway, dripping, rounds=20) < ANSWER_SECONDS


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Server]:
    """A server of the default kind with the default number of threads, and high limits."""
    with running_server(tmp_path, RATE_LIMIT="100000 per minute") as server:
        yield server


def test_hundreds_of_slow_connections_do_not_keep_others_waiting(crowded: Server) -> None:
    slow_bodies = bodies(200, subjects=4)
    with (
        connections(crowded, [b""] * 200),
        connections(crowded, [HALF_A_HEAD] * 200) as slow_heads,
        connections(crowded, slow_bodies) as slow,
    ):
        until(lambda: exposition.server_errors(crowded) > 0, "nobody was turned away")

        assert slowest_answer(crowded, [*slow_heads, *slow], rounds=300) < ANSWER_SECONDS


def test_half_a_head_is_given_up(crowded: Server) -> None:
    with connections(crowded, [b"", HALF_A_HEAD]) as opened:
        for connection in opened:
            connection.settimeout(20)
            assert connection.recv(1_000)[:12] in {b"", b"HTTP/1.1 408"}
