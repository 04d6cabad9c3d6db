"""What was counted of a judged canary: in this worker, and by all of them together.

Each worker writes its counts into a file of its own, and those of workers that have died stay.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from app.domain.comparison import ShadowReport
from app.domain.judge import Arm, Evidence, together
from app.domain.slowness import Slowness, Timed, learn
from app.files import PRIVATE, create_once, write_atomically

Role = Literal["champion", "candidate"]
_MOST_HEARD: Final = 10_000
_FAST, _SLOW, _FAILED = range(3)


class TrialCounts:
    """Counts how requests end, once it is known where slow begins; nothing before.

    The first worker that has heard enough of the champion's answers says that for all.

    Args:
        folder: of the trial; all workers have it.
        quantile: of the champion's durations, where slow begins.
    """

    def __init__(self, folder: Path, quantile: float) -> None:
        self._folder = folder
        self._quantile = quantile
        self._began_ns = time.time_ns()
        self._limits: Slowness | None = None
        self._heard: deque[Timed] = deque(maxlen=_MOST_HEARD)
        self._arms: dict[Role, list[int]] = {"champion": [0, 0, 0], "candidate": [0, 0, 0]}
        self._compared = {"agreed": 0, "differed": 0}
        self._written: object = None
        self._lock = threading.Lock()

    def answered(self, role: Role, timed: Timed) -> None:
        """Count one request that the engine of *role* has answered."""
        limits = self._limits
        with self._lock:
            if limits is not None:
                self._arms[role][_SLOW if limits.is_slow(timed) else _FAST] += 1
            elif role == "champion":
                self._heard.append(timed)

    def failed(self, role: Role) -> None:
        """Count one request that *role* could not answer."""
        if self._limits is not None:
            with self._lock:
                self._arms[role][_FAILED] += 1

    def compared(self, report: ShadowReport) -> None:
        """Count requests that both had; a candidate that fails does not agree."""
        if self._limits is not None:
            with self._lock:
                self._compared["agreed"] += report.n_alike
                self._compared["differed"] += report.n_requests - report.n_alike

    def exchange(self) -> None:
        """Write what was counted where all workers find it; before that, learn where slow begins.

        Raises:
            OSError: the folder cannot be read or written.
        """
        if self._limits is None:
            self._limits = self._known() or self._learnt()
            return
        with self._lock:
            document = orjson.dumps({**self._arms, **self._compared})
        if self._written != (os.getpid(), document):
            # A process that was forked off has a file of its own.
            file = self._folder / f"{os.getpid()}-{self._began_ns}.json"
            write_atomically(file, document, mode=PRIVATE)
            self._written = (os.getpid(), document)

    def of_all(self) -> Evidence:
        """Return what all workers have written.

        Raises:
            OSError: a file cannot be read.
        """
        files = self._folder.glob("[0-9]*-*.json")
        return together(_evidence(orjson.loads(file.read_bytes())) for file in files)

    @property
    def _limits_file(self) -> Path:
        return self._folder / "limits.json"

    def _known(self) -> Slowness | None:
        try:
            return _slowness(self._limits_file.read_bytes())
        except FileNotFoundError:
            return None

    def _learnt(self) -> Slowness | None:
        with self._lock:
            heard = tuple(self._heard)
        found = learn(heard, self._quantile)
        if found is None:
            return None
        limits = {str(size): seconds for size, seconds in found.limit_seconds.items()}
        return _slowness(create_once(self._limits_file, orjson.dumps(limits)))


def _slowness(document: bytes) -> Slowness:
    return Slowness({int(size): seconds for size, seconds in orjson.loads(document).items()})


def _evidence(counts: dict[str, Any]) -> Evidence:
    return Evidence(
        champion=Arm(*counts["champion"]),
        candidate=Arm(*counts["candidate"]),
        agreed=counts["agreed"],
        differed=counts["differed"],
    )
