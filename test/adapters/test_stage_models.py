"""Champion and candidate of each model, and who is answered by which."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.adapters.null import NoAudit, NullMetrics
from app.adapters.shadow import ShadowQueue
from app.adapters.shadow_work import Listeners
from app.adapters.stage_folder import Placing
from app.adapters.stage_models import Loading, StageModels
from app.adapters.watched_model import WatchedModel
from app.domain.ports import Metrics
from app.domain.traffic import Caller, Split
from app.errors import ModelUnknownError, SettingsError
from app.lifecycle import traffic
from app.lifecycle.promote import promote
from app.lifecycle.registry import STAGES_FOLDER, registry_of
from app.settings.schema import Settings
from app.wiring import build_services, check_model
from app.wiring.models import promoted_models
from test.builders import (
    a_classification_table,
    a_promoted_model,
    a_regression_table,
    some_settings,
)

SILENT = NullMetrics()
CALLERS = [Caller(f"caller-{number}") for number in range(200)]


@pytest.fixture(scope="module")
def versions_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which three versions of ``line`` are registered, and the first serves."""
    settings = some_settings(tmp_path_factory.mktemp("versions"))
    for slope in (1.0, 2.0, 3.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
    promoted(settings, "1")
    return settings.root


@pytest.fixture
def settings(tmp_path: Path, versions_made: Path) -> Settings:
    shutil.copytree(versions_made / "model", tmp_path / "model")
    return some_settings(tmp_path)


def promoted(settings: Settings, version: str, name: str = "line") -> None:
    models = settings.path(STAGES_FOLDER)
    promote(models, registry_of(settings), name, version, stage=settings.stage)


def started(settings: Settings, **changes: Any) -> Split:
    fields = {"model": "line", "version": "2", "mode": "canary", "share": 0.5}
    split = Split.model_validate(fields | changes)
    models = settings.path(STAGES_FOLDER)
    traffic.start(models, registry_of(settings), split, stage=settings.stage)
    return split


def stopped(settings: Settings, name: str = "line") -> None:
    traffic.stop(settings.path(STAGES_FOLDER), name, stage=settings.stage)


class CountedRefusals(NullMetrics):
    """Counts loads that were refused."""

    n_refused = 0

    def model_load_failed(self, model: str) -> None:
        self.n_refused += len(model) > 0


def served(settings: Settings, metrics: Metrics = SILENT, **loading: Any) -> StageModels:
    """The models of a worker whose watch sleeps, unless it is told otherwise."""
    listeners = Listeners(metrics=metrics, audit=NoAudit())
    return StageModels(
        partial(promoted_models, settings, metrics),
        settings.path(settings.model.model_path),
        metrics=metrics,
        loading=Loading(**{"poll_seconds": 3_600.0} | loading),
        placing=Placing(shadow_of=partial(ShadowQueue, listeners)),
    )


def versions(models: StageModels, name: str | None = None) -> list[str]:
    """The version that answers each caller."""
    return [models.find(name, caller=caller).contract.version for caller in CALLERS]


def beside(settings: Settings) -> Path:
    return settings.path(settings.model.model_path).parent / ".candidate"


def test_a_canary_answers_its_callers_and_the_champion_all_others(settings: Settings) -> None:
    split = started(settings)
    models = served(settings)

    expected = ["2" if split.takes(caller) else "1" for caller in CALLERS]

    assert versions(models) == versions(models, "line") == expected
    assert {*expected} == {"1", "2"}
    assert models.split(None) == models.split("line") == split


def test_a_request_without_a_caller_is_the_champions(settings: Settings) -> None:
    started(settings, share=1)

    assert served(settings).find(None).contract.version == "1"


def test_two_workers_answer_a_caller_with_the_same_version(settings: Settings) -> None:
    started(settings)

    assert versions(served(settings)) == versions(served(settings))


def test_models_are_refreshed_and_judged_all_the_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = {name: threading.Event() for name in ("refresh", "judge")}
    for name, seen in looks.items():
        monkeypatch.setattr(StageModels, name, lambda _, seen=seen: seen.set())

    models = served(settings, poll_seconds=0.001)

    assert [name for name, seen in looks.items() if not seen.wait(60)] == []
    del models  # ends its threads


def test_a_canary_begins_and_ends_without_a_restart(settings: Settings) -> None:
    models = served(settings)
    before = versions(models)
    started(settings, share=1)
    until_the_look = versions(models)
    models.refresh()
    during = versions(models)
    stopped(settings)
    models.refresh()

    assert {*before} == {*until_the_look} == {*versions(models)} == {"1"}
    assert {*during} == {"2"}
    assert models.split(None) is None


def test_a_share_that_grows_keeps_every_caller_of_the_candidate(settings: Settings) -> None:
    started(settings, share=0.1)
    models = served(settings)
    before = versions(models)
    candidate = models.find(None, "2")
    started(settings, share=0.4)
    models.refresh()
    after = versions(models)

    changed = {pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]}
    assert changed == {("1", "2")}
    assert models.find(None, "2") is candidate, "the same files were loaded again"


def test_another_candidate_takes_the_place_of_the_one_before(settings: Settings) -> None:
    started(settings, share=1)
    models = served(settings)
    before = versions(models)
    started(settings, version="3", share=1)
    models.refresh()

    assert ({*before}, {*versions(models)}) == ({"2"}, {"3"})


def test_a_pinned_version_is_the_champion_or_the_candidate(settings: Settings) -> None:
    started(settings, mode="canary", share=0)
    models = served(settings)

    pinned = [models.find(None, version).contract.version for version in ("1", "2")]

    assert pinned == ["1", "2"]
    with pytest.raises(ModelUnknownError, match="Version 3 is not served here; there is: 1, 2"):
        models.find("line", "3")


def test_a_shadow_answers_nobody_and_wants_copies(settings: Settings) -> None:
    models = served(settings)
    nobody = models.shadow(None)
    started(settings, mode="shadow", share=1)
    models.refresh()

    assert nobody is None
    assert {*versions(models)} == {"1"}
    assert models.shadow(None) is models.shadow("line") is not None


def corrupt(folder: Path) -> None:
    file = folder / "model.joblib"
    file.write_bytes(file.read_bytes()[:-1])


def spoil_announcement(folder: Path) -> None:
    (folder / "traffic.json").write_text("{")


def promise_another_version(folder: Path) -> None:
    change(folder / "traffic.json", lambda it: it.update(version="3"))


def answer_otherwise(folder: Path) -> None:
    def move(contract: dict[str, Any]) -> None:
        contract["golden"]["predictions"][0] += 0.01

    change(folder / "manifest.json", move)


def take_more_features(folder: Path) -> None:
    def widen(contract: dict[str, Any]) -> None:
        contract["features"].append({"name": "c"})
        contract.update(golden={}, compiled=[])

    change(folder / "manifest.json", widen)


def change(file: Path, how: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(file.read_text())
    how(content)
    file.write_text(json.dumps(content))


DAMAGE = [
    corrupt,
    spoil_announcement,
    promise_another_version,
    answer_otherwise,
    take_more_features,
    lambda folder: (folder / "manifest.json").unlink(),
]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("is_loaded", [False, True], ids=["before it is loaded", "while it serves"])
def test_a_damaged_candidate_takes_no_traffic_and_is_reported(
    settings: Settings, damage: Callable[[Path], object], *, is_loaded: bool
) -> None:
    started(settings, share=1)
    models = served(settings) if is_loaded else None
    damage(beside(settings))
    if models is not None:
        models.refresh()
    models = models or served(settings)

    assert {*versions(models)} == {"1"}
    assert "candidate" in (models.problem() or "")
    assert models.split(None) is None
    with pytest.raises(ModelUnknownError):
        models.find(None, "2")


def test_a_candidate_that_is_mended_takes_part_and_its_problem_is_gone(settings: Settings) -> None:
    started(settings, share=1)
    models = served(settings)
    good = (beside(settings) / "model.joblib").read_bytes()
    corrupt(beside(settings))
    models.refresh()
    models.refresh()
    (beside(settings) / "model.joblib").write_bytes(good)
    models.refresh()

    assert ({*versions(models)}, models.problem()) == ({"2"}, None)


def test_a_refused_candidate_is_loaded_again_as_often_as_the_settings_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    clock = SimpleNamespace(sleep=waited.append, perf_counter=time.perf_counter)
    monkeypatch.setattr("app.adapters.promoted_models.time", clock)
    settings = some_settings(tmp_path, model={"retries": 2})
    for slope in (1.0, 2.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
    promoted(settings, "1")
    started(settings)
    corrupt(beside(settings))
    counting = CountedRefusals()
    models = served(settings, counting)
    for _ in range(5):
        models.refresh()

    assert counting.n_refused == 3
    assert waited == [], "the watch waited, and other models with it"


def test_a_promoted_candidate_is_a_candidate_no_longer(settings: Settings) -> None:
    started(settings, share=0.5)
    models = served(settings)
    promoted(settings, "2")
    models.refresh()

    assert ({*versions(models)}, models.split(None)) == ({"2"}, None)


def test_a_candidate_stays_when_another_version_is_promoted(settings: Settings) -> None:
    split = started(settings, share=0.5)
    models = served(settings)
    promoted(settings, "3")
    models.refresh()

    assert versions(models) == ["2" if split.takes(caller) else "3" for caller in CALLERS]


def test_each_model_has_a_candidate_of_its_own(settings: Settings) -> None:
    for _ in range(2):
        a_promoted_model(settings, a_classification_table())
    promoted(settings, "1", "sides")
    started(settings, model="sides", share=1)
    models = served(settings)

    assert {*versions(models, "sides")} == {"2"}
    assert {*versions(models)} == {"1"}
    assert models.names() == ("line", "sides")


def test_champion_and_candidate_are_let_go_together(settings: Settings) -> None:
    for name in ("sides", "other"):
        for _ in range(2):
            a_promoted_model(settings, a_classification_table(), name=name)
    promoted(settings, "1", "sides")
    started(settings, model="sides", share=1)
    models = served(settings, most_bytes=1)
    before = versions(models, "sides")

    models.find("other")

    assert models.loaded("sides") is None
    assert models.split("sides") is None
    assert versions(models, "sides") == before == ["2"] * len(CALLERS)


def test_a_candidate_that_comes_later_makes_room_too(settings: Settings) -> None:
    for name in ("sides", "other"):
        for _ in range(2):
            a_promoted_model(settings, a_classification_table(), name=name)
    promoted(settings, "1", "other")
    models = served(settings, most_bytes=1_000_000)
    size = models.find("sides").size_bytes + models.find("other").size_bytes
    tight = served(settings, most_bytes=size)
    for name in ("sides", "other"):
        tight.find(name)
    assert tight.loaded("sides") is not None

    started(settings, model="other", share=1)
    tight.refresh()

    assert tight.split("other") is not None
    assert tight.loaded("sides") is None


def test_a_contract_is_known_before_its_model_is_loaded(settings: Settings) -> None:
    expected = a_promoted_model(settings, a_classification_table())
    models = served(settings)

    assert models.contract("sides") == expected
    assert models.loaded("sides") is None
    with pytest.raises(ModelUnknownError):
        models.contract("nobody")


def with_traffic(settings: Settings, **line: Any) -> Settings:
    return some_settings(settings.root, traffic={"line": line})


def test_the_settings_pin_a_version_whatever_is_promoted(settings: Settings) -> None:
    pinned = with_traffic(settings, version="3")

    models = build_services(pinned).models
    promoted(pinned, "2")
    models.refresh()  # type: ignore[attr-defined]

    assert models.current().contract.version == "3"
    assert models.problem() is None


def test_the_settings_pin_a_version_of_a_model_that_is_not_the_default(
    settings: Settings,
) -> None:
    for _ in range(2):
        a_promoted_model(settings, a_classification_table())
    pinned = some_settings(settings.root, traffic={"sides": {"version": "1"}})

    assert build_services(pinned).models.find("sides").contract.version == "1"


def test_the_settings_name_a_candidate(settings: Settings) -> None:
    models = build_services(with_traffic(settings, candidate="2", share=1)).models

    assert models.find(None, caller=CALLERS[0]).contract.version == "2"


@pytest.mark.parametrize("key", ["version", "candidate"])
def test_a_version_of_the_settings_that_is_not_registered_stops_the_start(
    settings: Settings, key: str
) -> None:
    with pytest.raises(SettingsError, match=rf"traffic\.line\.{key}: .*'9'.*1, 2, 3"):
        check_model(with_traffic(settings, **{key: "9"}))


def test_a_damaged_note_of_what_served_last_stops_no_promotion(settings: Settings) -> None:
    models = served(settings)
    kept = settings.path(settings.runtime_path) / "models"
    (kept / f"{0:016}.last").write_bytes(b"\xff\x00")
    promoted(settings, "2")

    models.refresh()

    assert {*versions(models)} == {"2"}
    assert models.problem() is None


def test_a_model_that_cannot_be_looked_at_keeps_no_other_from_its_turn(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        a_promoted_model(settings, a_classification_table())
    promoted(settings, "1", "sides")
    models = served(settings)
    models.find("sides")
    promoted(settings, "2", "sides")

    def no_memory(_: WatchedModel) -> None:
        monkeypatch.undo()
        raise MemoryError

    monkeypatch.setattr(WatchedModel, "refresh", no_memory)
    models.refresh()

    assert {*versions(models, "sides")} == {"2"}
