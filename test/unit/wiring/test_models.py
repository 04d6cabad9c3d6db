from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.lifecycle.registry import STAGES_FOLDER, registry_of
from app.lifecycle.retire import retire
from app.wiring import check_model
from test.builders import a_promoted_model, a_regression_table, some_settings

TRAFFIC = {"version": {"version": "1"}, "candidate": {"candidate": "1", "share": 0.1}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """``line`` 2 serves, and 1 is retired."""
    settings = some_settings(tmp_path)
    for slope in (1.0, 2.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
    retire(settings.path(STAGES_FOLDER), registry_of(settings), "line", "1", "wrong rows")
    return tmp_path


@pytest.mark.parametrize("key", TRAFFIC)
def test_a_retired_version_that_the_settings_name_stops_the_start(root: Path, key: str) -> None:
    settings = some_settings(root, traffic={"line": TRAFFIC[key]})

    message = rf"traffic\.line\.{key}: line 1 is retired: wrong rows \(.*Fix: name another"
    with pytest.raises(SettingsError, match=message):
        check_model(settings)


def test_a_registry_that_is_down_does_not_stop_the_start(root: Path) -> None:
    url = "nonsense://bucket"
    remote = {"registry_path": url, "retries": 0}
    settings = some_settings(root, traffic={"line": TRAFFIC["version"]}, model=remote)
    copies = registry_of(settings)
    assert not isinstance(copies, Path)
    shutil.copytree(root / "model/registry/line", copies.copies / "line")

    check_model(settings)
