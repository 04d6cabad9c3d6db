from __future__ import annotations

import json
import shutil
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from app.domain.traffic import Split
from app.errors import NotPromotedError, RegistryError, StageChangedError
from app.lifecycle import history, traffic
from app.lifecycle.heldout import HELD_OUT
from app.lifecycle.promote import promote
from app.lifecycle.registry import STAGES_FOLDER
from app.lifecycle.retire import retire
from app.lifecycle.stages import locked
from app.settings.schema import Settings
from test.builders import (
    a_classification_table,
    a_promoted_model,
    a_regression_table,
    some_settings,
)


@pytest.fixture(scope="module")
def versions_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which three versions of ``line`` are registered, and the third is promoted."""
    settings = some_settings(tmp_path_factory.mktemp("versions"))
    for slope in (1.0, 2.0, 3.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
    return settings.root


@pytest.fixture
def settings(tmp_path: Path, versions_made: Path) -> Settings:
    shutil.copytree(versions_made / "model", tmp_path / "model")
    return some_settings(tmp_path)


def registry(settings: Settings) -> Path:
    return settings.path(Path(settings.model.registry_path))


def models(settings: Settings) -> Path:
    return settings.path(STAGES_FOLDER)


def a_split(**changes: Any) -> Split:
    fields = {"model": "line", "version": "2", "mode": "canary", "share": 0.1}
    return Split.model_validate(fields | changes)


def start(settings: Settings, *, who: str = "ann", why: str = "", **changes: Any) -> bool:
    split = a_split(**changes)
    done = traffic.start(models(settings), registry(settings), split, stage="dev", who=who, why=why)
    return done.changed


def stop(settings: Settings, *, who: str = "ann", why: str = "") -> bool:
    return traffic.stop(models(settings), "line", stage="dev", who=who, why=why).changed


def aside(settings: Settings) -> Path:
    return models(settings) / "dev/.candidate"


def test_a_candidate_lies_beside_its_champion_with_its_announcement(settings: Settings) -> None:
    start(settings)

    found = {file.name: file.read_bytes() for file in aside(settings).iterdir()}
    there = (registry(settings) / "line/2").iterdir()
    stored = {it.name: it.read_bytes() for it in there if it.name != HELD_OUT}
    announced = json.loads(found.pop("traffic.json"))
    assert found == stored
    assert announced == {
        "model": "line",
        "version": "2",
        "mode": "canary",
        "share": 0.1,
        "sticky": "subject",
        "tolerance": 1e-6,
    }
    serving = traffic.serving(models(settings), "line", stage="dev")
    assert (serving.version, serving.candidate) == ("3", a_split())


def test_a_model_that_is_not_the_default_has_its_candidate_in_its_own_folder(
    settings: Settings,
) -> None:
    for _ in range(2):
        a_promoted_model(settings, a_classification_table())

    start(settings, model="sides", version="1")

    assert (models(settings) / "dev/sides/.candidate/traffic.json").exists()
    assert not aside(settings).exists()


def test_the_same_again_changes_nothing(settings: Settings) -> None:
    assert [start(settings), start(settings)] == [True, False]


def stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def test_another_share_leaves_the_files_alone(settings: Settings) -> None:
    start(settings)
    before = stamp(aside(settings) / "model.joblib")

    assert start(settings, share=0.2)

    assert stamp(aside(settings) / "model.joblib") == before
    assert traffic.candidate_in(models(settings) / "dev") == a_split(share=0.2)


def test_damaged_files_of_the_same_candidate_are_replaced(settings: Settings) -> None:
    start(settings)
    (aside(settings) / "model.joblib").write_bytes(b"")

    assert start(settings)

    stored = (registry(settings) / "line/2/model.joblib").read_bytes()
    assert (aside(settings) / "model.joblib").read_bytes() == stored


def test_a_candidate_is_let_go_and_leaves_nothing(settings: Settings) -> None:
    start(settings)

    assert [stop(settings), stop(settings)] == [True, False]
    assert not aside(settings).exists()
    assert traffic.serving(models(settings), "line", stage="dev").candidate is None


def happened(settings: Settings) -> list[tuple[str, Split | None, Split | None, str, str]]:
    entries = history.read_trials(models(settings) / "dev", "line")
    return [(it.action, it.before, it.after, it.who, it.why) for it in entries]


def test_the_history_says_who_gave_what_to_a_candidate_and_why(settings: Settings) -> None:
    promoted = history.read(models(settings) / "dev")
    start(settings, mode="shadow", share=1.0, why="is it alike?")
    start(settings, who="bob", why="it is")
    start(settings, who="bob", why="it is")
    stop(settings, why="slow")
    stop(settings, why="slow")

    first, second = a_split(mode="shadow", share=1.0), a_split()
    assert happened(settings) == [
        ("shadow", None, first, "ann", "is it alike?"),
        ("canary", first, second, "bob", "it is"),
        ("stop", second, None, "ann", "slow"),
    ]
    assert {it.champion for it in history.read_trials(models(settings) / "dev")} == {"3"}
    assert history.read(models(settings) / "dev") == promoted


def test_a_candidate_that_no_line_tells_of_is_found_by_the_next_change(settings: Settings) -> None:
    start(settings)
    announced = a_split(share=0.9)
    (aside(settings) / traffic.TRAFFIC).write_text(announced.model_dump_json())

    stop(settings)

    unknown = ("unknown", "was there without a record")
    assert happened(settings)[1:] == [
        ("found", a_split(), announced, *unknown),
        ("stop", announced, None, "ann", ""),
    ]


def test_a_change_that_cannot_be_recorded_does_not_happen(settings: Settings) -> None:
    start(settings)
    record = models(settings) / "dev" / history.HISTORY
    record.unlink()
    record.mkdir()

    with pytest.raises(RegistryError, match="dev: cannot be written"):
        start(settings, share=0.9)
    with pytest.raises(RegistryError, match="dev: cannot be written"):
        stop(settings)

    assert traffic.candidate_in(models(settings) / "dev") == a_split()


def test_another_candidate_that_cannot_be_recorded_ends_none(settings: Settings) -> None:
    start(settings)
    before = {it.name: it.read_bytes() for it in aside(settings).iterdir()}
    stage = models(settings) / "dev"
    (stage / history.HISTORY).unlink()
    (stage / history.HISTORY).mkdir()

    with pytest.raises(RegistryError, match="dev: cannot be written"):
        start(settings, version="1")

    assert {it.name: it.read_bytes() for it in aside(settings).iterdir()} == before
    assert [it.name for it in stage.iterdir() if it.name.startswith(".new")] == []


def test_a_reason_that_cannot_be_kept_changes_nothing(settings: Settings) -> None:
    with pytest.raises(RegistryError, match="cannot be printed"):
        start(settings, why="a\nb")
    start(settings)
    with pytest.raises(RegistryError, match="cannot be printed"):
        stop(settings, why="a\nb")

    assert [it[0] for it in happened(settings)] == ["canary"]
    assert aside(settings).exists()


def test_a_reader_never_finds_an_announcement_of_other_files(settings: Settings) -> None:
    """Candidates 1 and 2 take turns; whoever reads the announcement twice finds its files."""
    start(settings)
    mixed: list[tuple[str, str]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            before = traffic.candidate_in(models(settings) / "dev")
            try:
                manifest = json.loads((aside(settings) / "manifest.json").read_text())
            except (OSError, ValueError):
                continue
            after = traffic.candidate_in(models(settings) / "dev")
            if before is not None and before == after and manifest["version"] != before.version:
                mixed.append((before.version, manifest["version"]))

    reader = threading.Thread(target=look)
    reader.start()
    for turn in range(10):
        start(settings, version=str(1 + turn % 2))
    stop.set()
    reader.join()

    assert mixed == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": "3"}, "line 3 is promoted on dev already"),
        ({"version": "9"}, "no version '9'; there is: 1, 2, 3"),
        ({"model": "nobody"}, "no nobody is promoted on dev"),
    ],
    ids=["champion", "unknown version", "unknown model"],
)
def test_what_cannot_be_a_candidate_is_refused(
    settings: Settings, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RegistryError, match=reason):
        start(settings, **changes)
    assert not aside(settings).exists()


def test_a_version_that_answers_something_else_is_refused(settings: Settings) -> None:
    a_promoted_model(settings, a_classification_table(), name="line")
    promote(models(settings), registry(settings), "line", "3", stage="dev")

    with pytest.raises(RegistryError, match="line 4: it has another task than version 3"):
        start(settings, version="4")


def test_a_retired_version_is_no_candidate(settings: Settings) -> None:
    retire(models(settings), registry(settings), "line", "2", "wrong labels")

    with pytest.raises(RegistryError, match=r"retired.*wrong labels"):
        start(settings)


def test_a_version_that_is_retired_until_the_stage_is_held_is_no_candidate(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(stage: Path, who: str) -> AbstractContextManager[None]:
        retire(models(settings), registry(settings), "line", "2", "wrong labels")
        return locked(stage, who)

    monkeypatch.setattr("app.lifecycle.traffic.locked", late)

    with pytest.raises(RegistryError, match=r"retired.*wrong labels"):
        start(settings)

    assert not aside(settings).exists()


def test_a_stage_that_somebody_is_changing_is_left_alone(settings: Settings) -> None:
    with (
        locked(models(settings) / "dev", "bob"),
        pytest.raises(StageChangedError, match="bob"),
    ):
        start(settings)


@pytest.mark.parametrize("stage", ["nowhere", "staging"])
def test_a_stage_without_the_model_has_no_candidate(settings: Settings, stage: str) -> None:
    with pytest.raises(RegistryError):
        traffic.stop(models(settings), "line", stage=stage)


def test_a_model_that_is_not_promoted_is_told_apart(settings: Settings) -> None:
    with pytest.raises(NotPromotedError, match="promote a version of it first"):
        traffic.serving(models(settings), "line", stage="staging")
