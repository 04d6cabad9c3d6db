from __future__ import annotations

from pathlib import Path

from app.domain.judge import Rules
from app.domain.traffic import Split
from app.lifecycle import traffic
from app.lifecycle.overview import card, cells, entries, key_metric, listed, summary
from app.lifecycle.plain_tables import table
from app.lifecycle.promote import promote
from app.lifecycle.retire import retire
from app.lifecycle.stages import CANDIDATE
from test.unit.lifecycle.test_compare import with_metrics
from test.unit.lifecycle.test_rollback import three_versions


def a_canary(version: str, share: float = 0.1) -> Split:
    return Split(model="line", version=version, mode="canary", share=share, judge=Rules())


def test_an_empty_registry_lists_nothing(tmp_path: Path) -> None:
    assert listed(tmp_path, tmp_path / "registry") == []


def test_the_newest_version_is_listed_first(tmp_path: Path) -> None:
    found = listed(tmp_path, three_versions(tmp_path) / "registry")

    assert [(it.name, it.version) for it in found] == [("line", "3"), ("line", "2"), ("line", "1")]


def test_a_version_names_every_stage_that_holds_it(tmp_path: Path) -> None:
    registry = three_versions(tmp_path, "2") / "registry"
    promote(tmp_path, registry, "line", "2", stage="production")
    promote(tmp_path, registry, "line", "3", stage="staging")

    held = {it.version: it.stages for it in listed(tmp_path, registry)}

    assert held == {"1": (), "2": ("dev", "production"), "3": ("staging",)}


def test_a_candidate_is_listed_as_one(tmp_path: Path) -> None:
    registry = three_versions(tmp_path, "2") / "registry"
    (tmp_path / "dev" / CANDIDATE).mkdir()
    manifest = (registry / "line/3/manifest.json").read_bytes()
    (tmp_path / "dev" / CANDIDATE / "manifest.json").write_bytes(manifest)

    held = {it.version: it.stages for it in listed(tmp_path, registry)}

    assert held["3"] == ("dev (candidate)",)


def test_a_retired_version_is_listed_as_one(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"
    retire(tmp_path, registry, "line", "3", "wrong rows")

    newest = listed(tmp_path, registry)[0]

    assert cells(newest)[2] == "retired"
    assert "wrong rows (" in dict(summary(newest, registry))["retired"]


def test_a_version_whose_contract_is_damaged_does_not_hide_the_others(tmp_path: Path) -> None:
    registry = three_versions(tmp_path) / "registry"
    (registry / "line/2/manifest.json").write_bytes(b"{")

    found = listed(tmp_path, registry)

    assert [cells(it)[3] for it in found] == ["regression", "cannot be read", "regression"]
    assert "2/manifest.json: is no contract" in dict(summary(found[1], registry))["problem"]


def test_what_happened_on_all_stages_is_in_one_order(tmp_path: Path) -> None:
    registry = three_versions(tmp_path, "1") / "registry"
    promote(tmp_path, registry, "line", "2", stage="production")
    promote(tmp_path, registry, "line", "2", stage="dev")

    traffic.start(tmp_path, registry, a_canary("3"), stage="production")
    promote(tmp_path, registry, "line", "1", stage="dev")

    found = [(stage, it.action) for stage, it in entries(tmp_path, "line")]

    assert found == [
        ("dev", "promote"),
        ("production", "promote"),
        ("dev", "promote"),
        ("production", "canary"),
        ("dev", "promote"),
    ]


def test_a_candidate_ends_before_it_is_promoted(tmp_path: Path) -> None:
    registry = three_versions(tmp_path, "1") / "registry"
    traffic.start(tmp_path, registry, a_canary("2"), stage="dev")
    promote(tmp_path, registry, "line", "2", stage="dev")

    found = [it.action for _, it in entries(tmp_path, "line")]

    assert found == ["promote", "canary", "stop", "promote"]


def test_the_history_of_a_version_tells_what_candidates_got(tmp_path: Path) -> None:
    registry = three_versions(tmp_path, "1") / "registry"
    for share in (0.07, 0.5):
        traffic.start(tmp_path, registry, a_canary("2", share), stage="dev", who="ann", why="new")
    traffic.stop(tmp_path, "line", stage="dev", who="bob")

    said = card(listed(tmp_path, registry)[1], registry, entries(tmp_path, "line"))

    cells = [line.split("  ")[2:] for line in said.splitlines()[-3:]]
    assert [[it.strip() for it in row if it.strip()] for row in cells] == [
        ["canary", "none", "2 (canary, 7%, judged)", "ann", "new"],
        ["canary", "2 (canary, 7%, judged)", "2 (canary, 50%, judged)", "ann", "new"],
        ["stop", "2 (canary, 50%, judged)", "none", "bob", "-"],
    ]


def test_the_key_metric_is_the_one_that_is_asked_for_first() -> None:
    assert key_metric(with_metrics(mae=3.0, r2=0.5)) == ("r2", 0.5)
    assert key_metric(with_metrics(mae=3.0)) == ("mae", 3.0)
    assert key_metric(with_metrics()) is None


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    text = table([["a", "bb", ""], ["ccc", "d", "e"]], header=["x", "y", "z"])

    assert text.splitlines() == ["x    y   z", "a    bb", "ccc  d   e"]
