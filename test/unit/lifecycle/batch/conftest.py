from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.settings.schema import Settings
from test.builders import a_promoted_model, a_regression_table, some_settings


@pytest.fixture(scope="session")
def line_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("line")
    a_promoted_model(some_settings(root), a_regression_table())
    return root


@pytest.fixture
def line(line_root: Path, tmp_path: Path) -> Settings:
    """Settings whose default model is ``line``, with the features a and b."""
    shutil.copytree(line_root / "model", tmp_path / "model")
    return some_settings(tmp_path)
