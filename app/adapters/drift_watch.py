"""Watches whether live rows drift away from training: a window for each loaded version.

A request pays for a list of its rows, and nothing else; a thread of its own does the sums. What is
too much between two looks is left out, so a busy gateway watches a sample.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Final

from app.adapters.drift_metrics import DriftMetrics
from app.adapters.drift_window import Window
from app.domain.ports import FloatArray, Matrix
from app.domain.prediction import Result, ServedModel

log = logging.getLogger("gatehouse.drift")
LOOK_SECONDS: Final = 5.0
_REST: Final = 19.0  # times as long as it has looked: of thousands of features a look takes seconds
_MOST_VALUES: Final = 1_048_576  # between two looks: 8 MiB
_MOST_PARTS: Final = 10_000
_MOST_WINDOWS: Final = 256
Tell = Callable[[str, str, float], None]


class DriftMonitor:
    """Fulfils the port ``DriftWatch``. Its thread begins with the first request.

    Args:
        metrics: shows the indices.
        tell: is told model, feature and index once the index has been too large for long.
        window_rows: rows that are kept of each version.
        alert_index: is too large.
        alert_seconds: is long.
        clock: in seconds.
    """

    def __init__(  # noqa: PLR0913  one argument a thing it needs
        self,
        metrics: DriftMetrics,
        tell: Tell,
        *,
        window_rows: int,
        alert_index: float,
        alert_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._tell = tell
        self._window_rows = window_rows
        self._alert_index = alert_index
        self._alert_seconds = alert_seconds
        self._clock = clock
        self._windows: dict[int, Window] = {}
        self._waiting: deque[tuple[Window, FloatArray]] = deque(maxlen=_MOST_PARTS)
        self._room = _MOST_VALUES
        self._shown: dict[str, set[str]] = {}
        self._since: dict[tuple[str, str], float] = {}
        self._largest: dict[tuple[str, str], float] = {}
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def observe(self, model: ServedModel, matrix: Matrix, result: Result) -> None:  # noqa: ARG002  the port's
        """Keep some rows of one answered request; never waits, never raises."""
        if self._room <= 0:
            return
        try:
            window = self._windows.get(model.serial) or self._opened(model)
            if window.is_blind or not len(matrix):
                return
            rows = window.sampled(matrix)
            self._room -= rows.size
            self._waiting.append((window, rows))
        except Exception:
            log.exception("rows not watched")

    def look(self) -> None:
        """Take up what was observed, and show how far it is from training."""
        parts: dict[Window, list[FloatArray]] = {}
        for _ in range(len(self._waiting)):  # others append meanwhile
            window, rows = self._waiting.popleft()
            parts.setdefault(window, []).append(rows)
        self._room = _MOST_VALUES
        for window, found in parts.items():
            window.add(found)
        with self._lock:
            over = [serial for serial, window in self._windows.items() if window.is_over]
            changed = {self._windows.pop(serial).model for serial in over}
            windows = list(self._windows.values())
        for model in changed | {window.model for window in parts}:
            self._show(model, [it for it in windows if it.model == model])
        self._alert()

    def _show(self, model: str, windows: list[Window]) -> None:
        """Show the largest index of each feature over the versions that answer."""
        largest: dict[str, float] = {}
        for window in windows:
            for feature, index in window.indices().items():
                largest[feature] = max(index, largest.get(feature, index))
        gone = self._shown.get(model, set()) - set(largest)
        self._metrics.hide(model, gone)
        self._metrics.show(model, largest)
        self._shown[model] = set(largest)
        now = self._clock()
        for feature in gone | set(largest):
            key = (model, feature)
            if largest.get(feature, 0.0) > self._alert_index:
                self._since.setdefault(key, now)
                self._largest[key] = largest[feature]
            else:
                self._since.pop(key, None)
                self._largest.pop(key, None)
                self._told.discard(key)

    def _alert(self) -> None:
        now = self._clock()
        for key, since in self._since.items():
            if now - since >= self._alert_seconds and key not in self._told:
                self._told.add(key)
                self._tell(*key, self._largest[key])

    def _opened(self, model: ServedModel) -> Window:
        """Begin a window for a version that answers for the first time."""
        with self._lock:
            if len(self._windows) >= _MOST_WINDOWS:
                self._windows.pop(next(iter(self._windows)))
            window = Window(model.contract, self._window_rows, model.reader)
            self._windows[model.serial] = window
            if self._thread is None:
                follow = weakref.ref(self)
                self._thread = threading.Thread(
                    target=_look_often, args=(follow,), name="drift", daemon=True
                )
                self._thread.start()
            return window


def _look_often(watch: weakref.ref[DriftMonitor]) -> None:
    """Look every few seconds, a twentieth of the time at most, until nobody holds the watch."""
    looked_seconds = 0.0
    while True:
        time.sleep(max(LOOK_SECONDS, _REST * looked_seconds))
        found = watch()
        if found is None:
            return
        began = time.thread_time()
        try:
            found.look()
        except Exception:
            log.exception("drift not measured")
        looked_seconds = time.thread_time() - began
        del found
