"""One connection of a load generator: it never blocks, and it says when an answer is whole."""

from __future__ import annotations

import re
import selectors
import socket
from typing import Final

PATIENCE_SECONDS: Final = 20.0
_CHUNK_BYTES: Final = 262_144
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Wire:
    """A connection to 127.0.0.1 on which one request at a time is under way.

    Attributes:
        since: when the request under way was, or should have been, sent; seconds of any clock.
        is_over: the answer said that no other follows on this connection.
    """

    def __init__(self, port: int) -> None:
        self.since = 0.0
        self.is_over = False
        self._arrived = b""
        self._unsent = memoryview(b"")
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(0)

    def fileno(self) -> int:
        """Return what a selector watches."""
        return self._socket.fileno()

    def wanted(self) -> int:
        """Return the selector's events for which this connection waits."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)

    def send(self, message: bytes, since: float) -> None:
        """Send as much of *message* as there is room for; :meth:`go_on` sends the rest.

        Raises:
            OSError: the connection is lost.
        """
        self.since = since
        self._unsent = memoryview(message)
        self.go_on()

    def go_on(self) -> None:
        """Send more of the message under way, if there is room.

        Raises:
            OSError: the connection is lost.
        """
        if self._unsent:
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except BlockingIOError:
                return

    def answer(self) -> bytes | None:
        """Return status line and headers of a whole answer; None as long as it is not whole.

        Raises:
            OSError: the connection is lost, or nobody can say where the answer ends.
        """
        try:
            part = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return None
        if not part:
            raise ConnectionError("closed before the answer was whole")
        arrived = self._arrived = self._arrived + part
        end = arrived.find(_END_OF_HEAD)
        if end < 0:
            return None
        length = _LENGTH.search(arrived, 0, end + 2)
        if length is None:
            raise ConnectionError("an answer without a length")
        if len(arrived) < end + len(_END_OF_HEAD) + int(length[1]):
            return None
        self._arrived = b""
        head = arrived[:end]
        self.is_over = _LAST.search(head) is not None
        return head

    def close(self) -> None:
        """Give the connection up."""
        self._socket.close()
