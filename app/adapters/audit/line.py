"""The events of one process that wait for the audit log, and the thread that writes them."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from os import getpid
from typing import Any, Final, Protocol

from app.adapters.audit.entry import ENTRY_BYTES, Entry
from app.domain.audit import Event
from app.domain.ports import Metrics
from app.errors import OperatorError

log = logging.getLogger("gatehouse.audit")
STRICT_SECONDS: Final = 5.0
_MOST_AT_ONCE: Final = 2_000
_MAINTAIN_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.25
_BACK_OFF_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
_LAST_TRIES: Final = 3  # workers that stop together may find SQLite's file locked for a moment


class Writer(Protocol):
    """Writes what was queued; used by one thread only. Whatever it raises is tried again."""

    def write(self, events: Sequence[Event]) -> None:
        """Append *events*; they are on the disk when this returns."""
        ...

    def was_written(self) -> bool:
        """Say whether the last ``write``, which has failed, was written all the same."""
        ...

    def maintain(self) -> None:
        """Do what is due; called every second."""
        ...

    def close(self) -> None:
        """End the chain."""
        ...


class Line:
    """The entries of one process, and the thread that writes them; ``_changed`` guards both."""

    def __init__(
        self,
        owner: weakref.ref[Any],
        open_writer: Callable[[], Writer],
        metrics: Metrics,
        flush_seconds: float,
        queue_bytes: int,
    ) -> None:
        self.pid = getpid()
        self._owner = owner
        self._open_writer = open_writer
        self._metrics = metrics
        self._flush_seconds = flush_seconds
        self._queue_bytes = queue_bytes
        self._changed = threading.Condition(threading.Lock())
        self._entries: deque[Entry] = deque()
        self._n_bytes = 0
        self._n_awaited = 0
        self._is_down = False
        self._is_closing = False
        self._is_over = False
        self._thread: threading.Thread | None = None
        self._writer: Writer | None = None
        self._tried: list[Event] = []
        self._reason = ""

    def put(self, entry: Entry) -> bool:
        """Let *entry* wait its turn; False when there is no room."""
        with self._changed:
            n_bytes = self._n_bytes + entry.n_bytes
            has_room = n_bytes <= self._queue_bytes and not self._is_over
            if has_room:
                self._n_bytes = n_bytes
                self._entries.append(entry)
                if entry.settled is not None:
                    self._n_awaited += 1
                if len(self._entries) == 1 or self._is_urgent():
                    self._changed.notify()
                if self._thread is None:
                    self._begin()
        if not has_room:
            self._metrics.audited("dropped", 1)
        return has_room

    def _begin(self) -> None:
        thread = threading.Thread(target=self._run, name="audit", daemon=False)
        # Where the machine has no thread to give, the next event asks for one again.
        with suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def is_written(self, entry: Entry) -> bool:
        """Wait until *entry* is written; when that fails or takes too long, it is a refusal."""
        if entry.settled is not None and not self._is_down:
            entry.settled.wait(STRICT_SECONDS)
        with self._changed:
            self._n_awaited -= 1
            if not entry.is_written:
                entry.refuse()
            return entry.is_written

    def close(self) -> None:
        """Let the thread write what is there and end, and wait for it."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _is_urgent(self) -> bool:
        return self._n_awaited > 0 or 2 * self._n_bytes >= self._queue_bytes

    def _is_ending(self) -> bool:
        has_owner = self._owner() is not None
        return self._is_closing or not has_owner or not threading.main_thread().is_alive()

    def _run(self) -> None:
        """Write until the end comes; what cannot be written then, tried again, is lost."""
        n_failures = 0
        while True:
            is_ending = self._wait(n_failures)
            try:
                self._write_all()
                self._heal()
                n_failures = 0
            except Exception as error:  # noqa: BLE001  whatever it is, the thread tries again
                n_failures += 1
                self._failed(error)
            if is_ending and self._is_done(gives_up=n_failures >= _LAST_TRIES):
                break
        self._end()

    def _is_done(self, *, gives_up: bool) -> bool:
        """Take nothing more when everything is written, or nothing can be."""
        with self._changed:
            self._is_over = gives_up or not self._entries
            return self._is_over

    def _wait(self, n_failures: int) -> bool:
        """Wait until it is time to write or to look what is due; True when it is the last time."""
        with self._changed:
            if n_failures:
                pause = _BACK_OFF_SECONDS[min(n_failures, len(_BACK_OFF_SECONDS)) - 1]
                self._wait_for(lambda: False, pause)
                if self._is_ending():
                    self._changed.wait(_TICK_SECONDS)
            else:
                self._wait_for(lambda: bool(self._entries), _MAINTAIN_SECONDS)
                if self._entries:
                    self._wait_for(self._is_urgent, self._flush_seconds)
            return self._is_ending()

    def _wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not (condition() or self._is_ending()):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            # Nothing wakes this thread when the main one ends, so it looks for itself.
            self._changed.wait(min(left, _TICK_SECONDS))

    def _write_all(self) -> None:
        writer = self._writer = self._writer or self._open_writer()
        if self._tried and writer.was_written():
            self._written()
        self._tried = []
        while self._entries:
            with self._changed:
                self._tried = [entry.event for entry in islice(self._entries, _MOST_AT_ONCE)]
            writer.write(self._tried)
            self._written()
            self._tried = []
        writer.maintain()

    def _written(self) -> None:
        with self._changed:
            for event in self._tried:
                entry = self._entries.popleft()
                self._n_bytes -= entry.n_bytes
                if entry.event is event:
                    entry.is_written = True
                else:  # its request was refused meanwhile, so the log says that too
                    self._entries.append(Entry(entry.event))
                    self._n_bytes += ENTRY_BYTES
                if entry.settled is not None:
                    entry.settled.set()
        self._metrics.audited("written", len(self._tried))
        self._heal()

    def _heal(self) -> None:
        if self._is_down:
            self._is_down, self._reason = False, ""
            log.warning("audit log is written again")

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self._is_down = True
            for entry in self._entries:
                if entry.settled is not None:
                    entry.settled.set()
        self._metrics.audited("failed", len(self._tried))
        is_told = isinstance(error, OperatorError)
        reason = str(error) if is_told else type(error).__name__
        if reason != self._reason:
            frames = None if is_told else error
            log.error("audit log cannot be written", extra={"reason": reason}, exc_info=frames)
            self._reason = reason

    def _end(self) -> None:
        lost = len(self._entries)
        if lost:
            self._metrics.audited("dropped", lost)
            log.error("audit events lost", extra={"events": lost})
        try:
            if self._writer is not None:
                self._writer.close()
        except Exception as error:
            # Every record is written; only a head is missing.
            log.warning("audit chain not closed", exc_info=error)
