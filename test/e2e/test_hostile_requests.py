from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from test.builders import a_token
from test.e2e import exposition
from test.e2e.calls import HOST, PREDICT, exchange, predict, until
from test.e2e.server import Server

pytestmark = pytest.mark.e2e
SLOW_CLIENTS = 40


def _head(*lines: str, subject: str | None = None) -> bytes:
    """The head of a predict call whose token holds, of a subject that nobody else uses."""
    fixed = (
        f"POST {PREDICT} HTTP/1.1",
        "Host: gateway",
        f"Authorization: Bearer {a_token(sub=subject or secrets.token_hex(8))}",
        "Content-Type: application/json",
    )
    return "\r\n".join((*fixed, *lines, "", "")).encode()


def _get(path: str, *lines: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: gateway", *lines, "", "")).encode()


# What is sent, and the statuses that may come back; "" is a connection that is only closed.
BROKEN = {
    "a request line without end": (_get("/" + "a" * 200_000), {"414", "400", "431", ""}),
    "a header without end": (_get("/", "X-Long: " + "a" * 200_000), {"431", "400", ""}),
    "headers without end": (
        _get("/", *(f"X-{number}: 1" for number in range(20_000))),
        {"431", "400", ""},
    ),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", {"400", ""}),
    "a chunk without a size": (
        _head("Transfer-Encoding: chunked") + b'zz\r\n{"data"\r\n0\r\n\r\n',
        {"400", ""},
    ),
    "a chunk longer than it says": (
        _head("Transfer-Encoding: chunked") + b'2\r\n{"data": [[1, 2]]}\r\n0\r\n\r\n',
        {"400", ""},
    ),
    "a chunk that never ends": (
        _head("Transfer-Encoding: chunked") + b"ffffffffffffffffffff\r\n{",
        {"400", "413", ""},
    ),
    "a header that means something to gunicorn": (
        _get("/livez", "SCRIPT_NAME: /x", "Connection: close"),
        {"200", "400", ""},
    ),
    "a path that is no text": (
        b"GET /%ff%00\xff HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n",
        {"404", "400", ""},
    ),
    "two lengths": (
        _head("Content-Length: 2", "Content-Length: 3") + b"{}",
        {"400", ""},
    ),
    "a length below zero": (_head("Content-Length: -1"), {"400", ""}),
    "a length that is no number": (_head("Content-Length: many"), {"400", ""}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_request_is_no_fault_of_the_server(gateway: Server, name: str) -> None:
    sent, allowed = BROKEN[name]
    faults = exposition.server_errors(gateway)

    received = exchange(gateway, sent, half_close=True)

    status = re.match(rb"HTTP/1\.[01] (\d{3}) ", received)
    assert (status[1].decode() if status else "") in allowed, received[:200]
    assert b"gunicorn" not in received.lower()
    assert exposition.server_errors(gateway) == faults
    assert predict(gateway).status == 200


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_ends_early_is_no_fault_of_the_server(gateway: Server, framing: str) -> None:
    faults = exposition.server_errors(gateway)

    with socket.create_connection((HOST, gateway.port), timeout=10) as connection:
        connection.sendall(_head(framing) + b'3e8\r\n{"data": [[1.0,')
    received = exchange(gateway, _head(framing) + b'3e8\r\n{"data": [[1.0,', half_close=True)

    assert received[:12] in {b"", b"HTTP/1.1 400"}
    assert predict(gateway).status == 200
    assert exposition.server_errors(gateway) == faults


@contextmanager
def _slow_bodies(server: Server, subjects: Sequence[str | None]) -> Iterator[list[socket.socket]]:
    """Hold connections whose bodies come a byte at a time, one of each of *subjects*."""
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection((HOST, server.port), timeout=10))
            for _ in subjects
        ]
        for subject, connection in zip(subjects, connections, strict=True):
            connection.sendall(_head("Content-Length: 1000", subject=subject) + b" ")
        yield connections


def test_slow_bodies_do_not_keep_others_waiting(gateway: Server) -> None:
    slowest = 0.0

    with _slow_bodies(gateway, [None] * SLOW_CLIENTS) as connections:
        until(
            lambda: exposition.in_flight(gateway) > SLOW_CLIENTS, "the slow requests did not arrive"
        )
        for _ in range(20):
            for connection in connections:
                connection.sendall(b" ")
            started = time.monotonic()
            assert predict(gateway).status == 200
            slowest = max(slowest, time.monotonic() - started)

    assert slowest < 1.0


# gunicorn reads what is left of a refused body before it lets the thread go, so it needs a proxy.
@pytest.mark.parametrize("kind", ["granian"], indirect=True)
def test_two_callers_with_more_slow_bodies_than_threads_keep_nobody_out(gateway: Server) -> None:
    greedy = [secrets.token_hex(8), secrets.token_hex(8)]

    with _slow_bodies(gateway, greedy * SLOW_CLIENTS):
        until(lambda: exposition.server_errors(gateway) > 0, "nobody was turned away")
        for _ in range(5):
            started = time.monotonic()
            assert predict(gateway).status == 200
            assert time.monotonic() - started < 1.0
