from __future__ import annotations

from pathlib import Path

import pytest

from test.unit.lifecycle.csv_files import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(header: str, *lines: str, name: str = "table.csv") -> Path:
        (tmp_path / name).write_text("\n".join((header, *lines, "")), encoding="utf-8")
        return tmp_path / name

    return write
