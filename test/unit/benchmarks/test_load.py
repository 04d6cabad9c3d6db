from __future__ import annotations

import math
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from benchmarks.load import Load, drive, percentile

Answer = Callable[[bytes], bytes]


class KeepAliveServer(socketserver.ThreadingTCPServer):
    """Reads requests without a body; no answer to one means that the connection is closed."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []


class _Connection(socketserver.StreamRequestHandler):
    server: KeepAliveServer

    def handle(self) -> None:
        self.server.connections += 1
        while request := self._request():
            self.server.requests.append(request)
            answer = self.server.answer(request)
            if not answer:
                return
            half = len(answer) // 2
            self.wfile.write(answer[:half])  # an answer may come in parts
            self.wfile.flush()
            self.wfile.write(answer[half:])

    def _request(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        return b"".join(lines)


@contextmanager
def a_server(answer: Answer) -> Iterator[KeepAliveServer]:
    with KeepAliveServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def answering(status: str, body: bytes = b"hello") -> Answer:
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nX-Cache: hit\r\n\r\n"
    return lambda _: head.encode() + body


def a_load(server: KeepAliveServer, **changes: object) -> Load:
    port: int = server.server_address[1]
    load = Load(port=port, messages=(b"GET / HTTP/1.1\r\n\r\n",), connections=2, seconds=30.0)
    return replace(load, **{"at_most": 32, **changes})  # type: ignore[arg-type]


def test_every_good_answer_is_counted_and_connections_are_kept_alive() -> None:
    with a_server(answering("200 OK")) as server:
        measured = drive(a_load(server))

    assert (measured.answers, measured.errors) == (32, 0)
    assert len(server.requests) == 32
    assert server.connections == 2
    assert 0 < measured.p50_ms <= measured.p99_ms


def test_heads_of_every_eighth_answer_are_kept_without_their_bodies() -> None:
    with a_server(answering("200 OK")) as server:
        measured = drive(a_load(server))

    assert measured.heads == (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-Cache: hit",) * 4


def test_load_ends_with_its_time() -> None:
    with a_server(answering("200 OK")) as server:
        measured = drive(a_load(server, seconds=0.05, at_most=None))

    assert measured.answers == len(server.requests) > 0


def test_a_template_makes_each_request_another() -> None:
    with a_server(answering("200 OK")) as server:
        drive(a_load(server, messages=(b"GET /%07d HTTP/1.1\r\n\r\n",), first_number=41, at_most=3))

    assert sorted(server.requests) == [
        b"GET /%07d HTTP/1.1\r\n" % number for number in (41, 42, 43)
    ]


def test_several_templates_take_turns() -> None:
    messages = (b"GET /a%07d HTTP/1.1\r\n\r\n", b"GET /b%07d HTTP/1.1\r\n\r\n")
    with a_server(answering("200 OK")) as server:
        drive(a_load(server, messages=messages, first_number=1, at_most=3, connections=1))

    assert [request[5:13] for request in server.requests] == [b"a0000001", b"b0000002", b"a0000003"]


def test_a_server_that_closes_after_each_answer_is_connected_to_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with a_server(lambda _: answer) as server:
        measured = drive(a_load(server))

    assert (measured.answers, measured.errors) == (32, 0)
    assert server.connections == 32


def test_a_request_that_is_longer_than_any_buffer_is_sent_in_parts() -> None:
    message = b"GET /long HTTP/1.1\r\n" + b"X-Long: y\r\n" * 900_000 + b"\r\n"
    with a_server(answering("200 OK")) as server:
        measured = drive(a_load(server, messages=(message,), at_most=2))

    assert (measured.answers, measured.errors) == (2, 0)
    assert {len(request) for request in server.requests} == {len(message) - 2}


def test_other_statuses_are_errors_and_no_answers() -> None:
    with a_server(answering("429 Too Many Requests")) as server:
        measured = drive(a_load(server))

    assert (measured.answers, measured.failures) == (0, {"429": 32})
    assert math.isnan(measured.p50_ms)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed without an answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", id="no length"),
    ],
)
def test_a_connection_without_a_whole_answer_is_one_error_and_is_given_up(answer: bytes) -> None:
    with a_server(lambda _: answer) as server:
        measured = drive(a_load(server))

    assert (measured.answers, measured.failures) == (0, {"lost": 2})


def test_a_port_where_nobody_listens_is_one_error_a_connection() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        measured = drive(Load(port=port, messages=(b"",), connections=3, seconds=1.0))

    assert (measured.answers, measured.errors) == (0, 3)


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(number) for number in range(101)]

    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0
