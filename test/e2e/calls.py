"""Calls over real connections, and waiting with a deadline."""

from __future__ import annotations

import http.client
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from test.builders import ROW, a_token, bearer

Found = TypeVar("Found")
HOST = "127.0.0.1"
PREDICT = "/api/v1/predict"
SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens."""

    port: int
    is_tls: bool = False

    @property
    def url(self) -> str:
        return f"http{'s' * self.is_tls}://{HOST}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is opened by its first request."""
        if not self.is_tls:
            return http.client.HTTPConnection(HOST, self.port, timeout=SECONDS)
        context = ssl._create_unverified_context()  # noqa: S323  the test made the certificate
        return http.client.HTTPSConnection(HOST, self.port, timeout=SECONDS, context=context)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    body: bytes | Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request on an open connection and read the whole answer."""
    chunked = body is not None and not isinstance(body, bytes)
    connection.request(method, path, body=body, headers=headers or {}, encode_chunked=chunked)
    answer = connection.getresponse()
    return Reply(answer.status, answer.headers, answer.read())


def ask(
    server: Address,
    method: str,
    path: str,
    *,
    body: bytes | Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request on a connection of its own.

    Raises:
        OSError: the connection was refused, cut or too slow.
    """
    connection = server.connect()
    try:
        return send(connection, method, path, body=body, headers=headers)
    except http.client.HTTPException as error:
        raise ConnectionError(repr(error)) from error
    finally:
        connection.close()


def a_body(*rows: Any, **members: Any) -> bytes:
    """A predict body, by default of one row."""
    return orjson.dumps({"data": list(rows or (ROW,)), **members})


def json_headers(token: str | None = None, **more: str) -> dict[str, str]:
    """Headers of a predict call that holds, by default of a subject that nobody else uses."""
    token = token or a_token(sub=secrets.token_hex(8))
    return {**bearer(token), "Content-Type": "application/json", **more}


def predict(server: Address, *rows: Any, token: str | None = None) -> Reply:
    """Ask for predictions of *rows*."""
    return ask(server, "POST", PREDICT, body=a_body(*rows), headers=json_headers(token))


def exchange(server: Address, sent: bytes, *, half_close: bool = False) -> bytes:
    """Send raw bytes and return what comes back until the server closes; b"" when it only closes.

    Raises:
        TimeoutError: the server neither answered nor closed.
    """
    with socket.create_connection((HOST, server.port), timeout=SECONDS) as connection:
        received = bytearray()
        try:
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
        except TimeoutError:
            raise
        except OSError:  # the server has closed without reading all
            pass
        return bytes(received)


def until(condition: Callable[[], Found | None], complaint: str, *, seconds: float = 20.0) -> Found:
    """Return the first true result of *condition*; fail with *complaint* after *seconds*."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{complaint} ({seconds:g} s)"
        time.sleep(0.02)
