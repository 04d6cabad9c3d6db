from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import RegistryError, StageChangedError
from app.lifecycle.history import whoami
from app.lifecycle.promote import promote
from app.lifecycle.registry import read_version, versions
from app.lifecycle.retire import described, newest, retire, retirement_of
from app.lifecycle.stages import CANDIDATE, locked
from app.settings.traffic import ModelTraffic
from test.unit.lifecycle.test_rollback import three_versions


def test_a_retired_version_says_who_and_why_and_keeps_its_files(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"

    done = retire(tmp_path, registry, "line", "2", "wrong rows")

    assert retirement_of(registry, "line", "2") == done
    assert (done.who, done.why) == (whoami(), "wrong rows")
    assert read_version(registry, "line", "2").payload == b"two"
    assert versions(registry, "line") == [1, 2, 3]


def test_a_version_in_use_is_not_retired(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"

    assert retirement_of(registry, "line", "1") is None


@pytest.mark.parametrize("stage", ["dev", "staging", "production"])
def test_a_promoted_version_cannot_be_retired(tmp_path: Path, stage: str) -> None:
    registry = three_versions(tmp_path) / "registry"
    promote(tmp_path, registry, "line", "2", stage=stage)

    with pytest.raises(RegistryError, match=f"line 2 is on {stage}, so it cannot be retired"):
        retire(tmp_path, registry, "line", "2", "wrong rows")

    assert retirement_of(registry, "line", "2") is None


def test_a_promoted_version_whose_contract_is_damaged_cannot_be_retired(tmp_path: Path) -> None:
    registry = three_versions(tmp_path, "2") / "registry"
    (tmp_path / "dev" / "manifest.json").write_bytes(b"{")

    with pytest.raises(RegistryError, match="line 2 is on dev, so it cannot be retired"):
        retire(tmp_path, registry, "line", "2", "wrong rows")


def test_a_candidate_cannot_be_retired(tmp_path: Path) -> None:
    registry = three_versions(tmp_path, "1") / "registry"
    (tmp_path / "dev" / CANDIDATE).mkdir()
    manifest = (registry / "line/3/manifest.json").read_bytes()
    (tmp_path / "dev" / CANDIDATE / "manifest.json").write_bytes(manifest)

    with pytest.raises(RegistryError, match="line 3 is on dev"):
        retire(tmp_path, registry, "line", "3", "wrong rows")


@pytest.mark.parametrize(
    "named",
    [ModelTraffic(version="3"), ModelTraffic(candidate="3")],
    ids=["version", "candidate"],
)
def test_a_version_that_the_settings_name_cannot_be_retired(
    tmp_path: Path, named: ModelTraffic
) -> None:
    registry = three_versions(tmp_path) / "registry"

    with pytest.raises(RegistryError, match=r"traffic\.line\.\w+ of the settings is 3, so line 3"):
        retire(tmp_path, registry, "line", "3", "wrong rows", traffic={"line": named})

    assert retirement_of(registry, "line", "3") is None
    retire(tmp_path, registry, "line", "2", "wrong rows", traffic={"line": named})


def test_the_first_reason_stays(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"
    retire(tmp_path, registry, "line", "2", "wrong rows")

    with pytest.raises(RegistryError, match=r"line 2 is retired already: wrong rows"):
        retire(tmp_path, registry, "line", "2", "another reason")


def test_nothing_is_retired_while_a_stage_changes(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"

    with locked(tmp_path / "staging", "ann"), pytest.raises(StageChangedError, match="ann"):
        retire(tmp_path, registry, "line", "2", "wrong rows")

    assert retirement_of(registry, "line", "2") is None


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="line has no version '4'; there is: 1, 2, 3"):
        retire(tmp_path, three_versions(tmp_path) / "registry", "line", "4", "wrong rows")


def test_a_note_that_cannot_be_read_retires_all_the_same(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"
    (registry / "line" / "3.retired.json").write_text("by hand")

    assert newest(registry, "line") == "2"


def test_the_newest_is_the_newest_in_use(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"
    for version in ("3", "1"):
        retire(tmp_path, registry, "line", version, "wrong rows")

    assert newest(registry, "line") == "2"


@pytest.mark.parametrize("why", ["\udcff", "a\nb", "x" * 501], ids=["no UTF-8", "lines", "long"])
def test_a_reason_that_cannot_be_kept_retires_nothing(tmp_path: Path, why: str) -> None:
    registry = three_versions(tmp_path) / "registry"

    with pytest.raises(RegistryError, match="the reason has"):
        retire(tmp_path, registry, "line", "2", why)

    assert retirement_of(registry, "line", "2") is None


def test_an_older_reason_is_shown_with_escapes(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"
    done = retire(tmp_path, registry, "line", "2", "wrong rows")

    assert described(done.model_copy(update={"why": "\x1b[2J"})).startswith(r"\x1b[2J (")
