from __future__ import annotations

import math
import socket
from dataclasses import replace

import pytest

from benchmarks.arrivals import Arrivals, meet
from test.unit.benchmarks.test_load import KeepAliveServer, a_server, answering

REFUSAL = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
HOPELESS = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


def arrivals(server: KeepAliveServer, **changes: object) -> Arrivals:
    port: int = server.server_address[1]
    template = b"GET /%07d HTTP/1.1\r\n\r\n"
    made = Arrivals(port=port, messages=(template,), first_number=1, per_second=200.0, seconds=0.2)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_as_many_requests_come_as_rate_and_time_say_each_with_its_number() -> None:
    with a_server(answering("200 OK")) as server:
        met = meet(arrivals(server))

    assert (met.offered, met.answers, met.refused, met.errors) == (40, 40, 0, 0)
    assert len(set(server.requests)) == 40
    assert 0 < met.p50_ms <= met.p99_ms
    assert math.isnan(met.refused_p99_ms)


def test_a_refusal_says_when_to_come_back_or_it_is_an_error() -> None:
    def answer(request: bytes) -> bytes:
        return REFUSAL if request[11] % 2 else HOPELESS  # by the last digit of the number

    with a_server(answer) as server:
        met = meet(arrivals(server))

    assert (met.answers, met.refused, met.errors) == (0, 20, 20)


def test_requests_wait_for_a_connection_with_their_clock_running() -> None:
    with a_server(answering("200 OK")) as server:
        met = meet(arrivals(server, most_connections=1))

    assert met.answers == 40
    assert server.connections == 1


def test_a_lost_connection_is_an_error_and_others_go_on() -> None:
    good = answering("200 OK")

    def answer(request: bytes) -> bytes:
        return b"" if request[5:12] == b"0000003" else good(request)

    with a_server(answer) as server:
        met = meet(arrivals(server, most_connections=2))

    assert (met.answers, met.errors) == (39, 1)


@pytest.mark.timeout(60)
def test_where_nobody_listens_every_request_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.arrivals.PATIENCE_SECONDS", 0.05)
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        load = Arrivals(
            port=port, messages=(b"%07d",), first_number=1, per_second=100.0, seconds=0.05
        )

        met = meet(load)

    assert (met.offered, met.answers, met.errors) == (5, 0, 5)
