from __future__ import annotations

import os
import stat

import pytest

from app.errors import SettingsError
from app.preflight import BOOT_ID, prepare
from app.settings.schema import Settings


def test_a_runtime_folder_that_others_may_enter_is_closed(settings: Settings) -> None:
    runtime = settings.path(settings.runtime_path)
    runtime.mkdir()
    runtime.chmod(0o777)

    prepare(settings)

    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_runtime_folder_of_somebody_else_is_refused(settings: Settings) -> None:
    runtime = settings.path(settings.runtime_path)
    runtime.mkdir()
    os.chown(runtime, 12_345, -1)

    with pytest.raises(SettingsError, match="another user's"):
        prepare(settings)


def test_what_an_earlier_server_left_is_gone(settings: Settings) -> None:
    prepare(settings)
    (settings.metrics_directory / "counter_1.db").touch()
    settings.draining_file.touch()

    prepare(settings)

    assert list(settings.metrics_directory.iterdir()) == []
    assert not settings.draining_file.exists()


@pytest.mark.skipif(not BOOT_ID.exists(), reason="this system does not number its boots")
def test_limits_of_an_earlier_boot_are_forgotten_and_those_of_this_one_kept(
    settings: Settings,
) -> None:
    runtime = settings.path(settings.runtime_path)
    limits = runtime / "limits.lmdb"
    prepare(settings)
    limits.touch()
    prepare(settings)
    assert limits.exists()

    (runtime / "boot-id").write_text("another")
    prepare(settings)

    assert not limits.exists()
