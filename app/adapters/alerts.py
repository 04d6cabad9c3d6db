"""One message per kind of 5xx and minute to a Slack webhook, from a thread that may fail."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
import urllib.request
from collections.abc import Mapping

import orjson

from app.domain.ports import Limits
from app.domain.rates import Charge, Rate
from app.errors import LimitStoreDownError

log = logging.getLogger("gatehouse.alerts")
ONE_PER_MINUTE = Rate(limit=1, window_seconds=60)
TIMEOUT_SECONDS = 5.0


class SlackAlerts:
    """Fulfils the port ``Alerts``; all workers of the machine share one message a minute."""

    def __init__(self, webhook: str, limits: Limits) -> None:
        self._webhook = webhook
        self._limits = limits
        self._waiting: queue.Queue[str] = queue.Queue(maxsize=100)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._sent: dict[str, float] = {}

    def raise_alert(self, kind: str, context: Mapping[str, str]) -> None:
        """Send one message for *kind*, without making the caller wait and without raising."""
        try:
            if not self._is_due(kind):
                return
            details = ", ".join(f"{key} {value}" for key, value in context.items())
            self._waiting.put_nowait(f"Gatehouse answers {kind} ({details})")
        except queue.Full:
            log.warning("alert dropped", extra={"kind": kind})
            return
        self._start()

    def _is_due(self, kind: str) -> bool:
        """Ask the limits that all workers share; while they are down, this worker's own memory."""
        try:
            admission = self._limits.admit([Charge(f"alert:{kind}", ONE_PER_MINUTE)])
        except LimitStoreDownError:
            return self._is_due_here(kind)
        # What the store could not count is let through where the settings say so; alerts are not.
        return admission.allowed if admission.at else self._is_due_here(kind)

    def _is_due_here(self, kind: str) -> bool:
        now = time.monotonic()
        with self._lock:
            due = now - self._sent.get(kind, -math.inf) >= ONE_PER_MINUTE.window_seconds
            if due:
                self._sent[kind] = now
        return due

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="alerts", daemon=True)
                self._thread.start()

    def _send_all(self) -> None:
        while True:
            try:
                self._send(self._waiting.get())
            except Exception as error:  # noqa: BLE001  nobody's request depends on it
                log.warning("alert not sent", extra={"problem": type(error).__name__})

    def _send(self, text: str) -> None:
        request = urllib.request.Request(  # noqa: S310  the settings allow https only
            self._webhook,
            data=orjson.dumps({"text": text}),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            pass
