"""Models that do what their input says: fail, or wait. Servers import them by these names.

Nothing else is imported here, so that these servers start fast.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

FAIL = -1_001.0
WAIT = -1_002.0
UNBEARABLE = -1_003.0
FOLDER = "OBEDIENT_FOLDER"
LONGEST_SECONDS = 120.0


class Obedient:
    """Answers ``2 a + b``; ``[FAIL, x]`` raises, ``[WAIT, x]`` waits until the file x is there.

    It writes the file "x begun" before. The environment variable ``FOLDER`` says where.
    """

    n_features_in_ = 2

    def predict(self, rows: Any) -> Any:
        wish, amount = rows[0]
        if wish == FAIL:
            raise RuntimeError(f"cannot score {amount}")
        if wish == WAIT:
            _wait_for(Path(os.environ[FOLDER]) / f"{amount:g}")
        return rows @ np.array([2.0, 1.0])


class Dear:
    """Answers ``2 a + b`` after 2 ms and 20 µs a row of computing, in which others may run.

    Rows ``[WAIT, x]`` write the file "x begun" and keep the call waiting for the file x.
    """

    n_features_in_ = 2

    def predict(self, rows: Any) -> Any:
        end = time.thread_time() + 0.002 + 20e-6 * len(rows)
        while time.thread_time() < end:
            np.sort(np.arange(2_000.0))
        for amount in rows[rows[:, 0] == WAIT, 1]:
            _wait_for(Path(os.environ[FOLDER]) / f"{amount:g}")
        return rows @ np.array([2.0, 1.0])


def _wait_for(file: Path) -> None:
    file.with_name(f"{file.name} begun").touch()
    deadline = time.monotonic() + LONGEST_SECONDS
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


class Sides:
    """Says on which side of a border ``a + b`` lies: 1 above it, or else 0; takes its time.

    One that cannot bear it raises where a is ``UNBEARABLE``, as one that meets a value of which it
    knows nothing.
    """

    n_features_in_ = 2

    def __init__(
        self, name: str, *, border: float = 0.0, is_frail: bool = False, seconds: float = 0.0
    ) -> None:
        self.name = name
        self.border = border
        self.is_frail = is_frail
        self.seconds = seconds
        self.classes_ = np.array([0, 1])

    def predict(self, rows: Any) -> Any:
        if self.is_frail and (rows[:, 0] == UNBEARABLE).any():
            raise RuntimeError("cannot score this")
        time.sleep(self.seconds)
        return (rows.sum(axis=1) > self.border).astype(int)


class Choosy:
    """Says of each text 1; ``name`` is one that it has no word for, where it has a name."""

    n_features_in_ = 1

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.classes_ = np.array([0, 1])

    def predict(self, texts: Any) -> Any:
        if self.name and self.name in texts:
            raise ValueError("an unknown word")
        return np.ones(len(texts), dtype=int)
