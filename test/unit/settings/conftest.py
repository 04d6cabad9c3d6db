from __future__ import annotations

from pathlib import Path

import pytest

from test.unit.settings.project import Project, an_empty_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return an_empty_project(tmp_path / "project")
