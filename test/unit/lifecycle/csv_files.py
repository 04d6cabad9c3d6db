"""CSV files as people write them, and what is said of those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import TrainingDataError
from app.lifecycle.datasets import from_csv

Write = Callable[..., Path]
NUMBERS = [f"{n / 7},{n * 1.5}" for n in range(40)]


def refusal(path: Path, *targets: str) -> str:
    """Return why *path* is refused as a training table, by default with the target y."""
    with pytest.raises(TrainingDataError) as refused:
        from_csv(path, targets or ["y"])
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")
