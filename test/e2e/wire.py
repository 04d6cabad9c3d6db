"""Requests as raw bytes, and what came back for them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from test.builders import a_token
from test.e2e import exposition
from test.e2e.calls import PREDICT, a_body, exchange, predict
from test.e2e.server import Server

BODY = a_body()
TOKEN = b"<token>"
# Comes after a hostile request: the server closes when it has answered it, or before.
LAST = b"GET /last HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
INSIDE = (b"traceback", b"gunicorn", b"granian", b"hyper", b"python", b"werkzeug", b".py", b"/app/")


def get(path: str, *lines: str, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    """A request without a body; the byte 80 (hexadecimal) is written as ``\\udc80``, and so on."""
    head = "\r\n".join((f"{method} {path} {version}", "Host: gateway", *lines, "", ""))
    return head.encode("utf-8", "surrogateescape")


def head(*lines: str) -> bytes:
    """The head of a predict call, which ``signed`` completes."""
    fixed = (f"Authorization: Bearer {TOKEN.decode()}", "Content-Type: application/json")
    return get(PREDICT, *fixed, *lines, method="POST")


def signed(sent: bytes, subject: str | None = None) -> bytes:
    """Put in a token that holds now, by default of a subject that nobody else uses."""
    return sent.replace(TOKEN, a_token(sub=subject or secrets.token_hex(8)).encode())


def chunked(body: bytes = BODY) -> bytes:
    """Return *body* as one chunk and the end."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def statuses(received: bytes) -> list[int]:
    """Return the status of each answer in *received*."""
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


def paths(server: Server) -> list[str]:
    """Return the path of each request that the gateway has answered."""
    return [line["path"] for line in server.log() if "path" in line]


@contextmanager
def unharmed(server: Server) -> Iterator[None]:
    """Fail when the block makes the gateway answer 5xx, complain in its log, or not answer."""
    faults, logged = exposition.server_errors(server), len(server.log())
    yield
    complaints = [line for line in server.log()[logged:] if line["level"] not in {"info", "debug"}]
    assert complaints == []
    assert exposition.server_errors(server) == faults
    assert predict(server).status == 200


def answers(server: Server, sent: bytes, *, half_close: bool = False) -> list[int]:
    """Send *sent* and return the statuses that come back; the answers show nothing of the inside.

    Args:
        server: the gateway.
        sent: a hostile request, and perhaps more.
        half_close: say that nothing follows, for a request whose end the server would wait for.
    """
    received = exchange(server, signed(sent), half_close=half_close)
    shown = [word for word in INSIDE if word in received.lower()]
    assert shown == [], received[:300]
    return statuses(received)


def first(found: Sequence[int]) -> int | None:
    """Return the first status; None for a connection that was only closed."""
    return found[0] if found else None
