from __future__ import annotations

from pathlib import Path

import pytest

from test.unit.scripts.process import enter


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder that a command line in this process finds."""
    return enter(tmp_path, monkeypatch)
