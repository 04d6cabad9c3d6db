"""One request at a time, on a connection of its own: to see whether a server answers, and what."""

from __future__ import annotations

import socket
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Final

_PATIENCE_SECONDS: Final = 30.0


def ask(port: int, message: bytes) -> tuple[int, bytes]:
    """Return status and body of the answer to *message*, a whole request.

    Raises:
        OSError, HTTPException: there is no whole answer.
    """
    with socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) as wire:
        wire.sendall(message)
        with HTTPResponse(wire, method="POST") as answer:
            answer.begin()
            return answer.status, answer.read()


def answers(port: int, message: bytes) -> bool:
    """Say whether the answer to *message* has status 200; no is the answer to anything else."""
    with suppress(OSError, HTTPException):
        return ask(port, message)[0] == HTTPStatus.OK
    return False
