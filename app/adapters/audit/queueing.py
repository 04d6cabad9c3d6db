"""The audit log as a request sees it: an event is handed over, and the answer goes out."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import partial
from os import getpid

from app.adapters.audit.entry import Entry
from app.adapters.audit.line import Line, Writer
from app.domain.audit import Event
from app.domain.ports import Metrics
from app.errors import AuditDownError


class AuditQueue:
    """Fulfils the port ``Audit``.

    The thread begins with the first event of a process, and ends, when everything is written,
    with the process's main thread or when nobody holds the queue any more.

    Args:
        open_writer: called in the thread.
        metrics: counts what was written, what failed, and what was dropped: no room, no time.
        is_strict: ``record`` of a prediction or of an admin's act waits until it is written.
        flush_seconds: between two writes.
        queue_bytes: that may wait.
    """

    def __init__(
        self,
        open_writer: Callable[[], Writer],
        metrics: Metrics,
        *,
        is_strict: bool,
        flush_seconds: float,
        queue_bytes: int,
    ) -> None:
        self._is_strict = is_strict
        self._new_line = partial(
            Line, weakref.ref(self), open_writer, metrics, flush_seconds, queue_bytes
        )
        self._renewing = threading.Lock()
        self._line = self._new_line()

    def record(self, event: Event) -> None:
        """Keep *event*. Waits until it is written only where the settings ask for that.

        Raises:
            AuditDownError: it had to be written and could not be.
        """
        line = self._line
        if line.pid != getpid():
            line = self._renewed()
        if not self._is_strict or event.kind == "refusal":
            line.put(Entry(event))
            return
        entry = Entry(event, threading.Event())
        if not (line.put(entry) and line.is_written(entry)):
            raise AuditDownError("The audit log cannot be written now.")

    def close(self) -> None:
        """Have everything written, as far as it can be, and wait for it."""
        self._line.close()

    def _renewed(self) -> Line:
        """Begin a line in a process that was forked off; its parent writes the one before."""
        with self._renewing:
            if self._line.pid != getpid():
                self._line = self._new_line()
            return self._line
