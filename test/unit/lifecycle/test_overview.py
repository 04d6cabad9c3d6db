from __future__ import annotations

from pathlib import Path

from app.lifecycle.overview import cells, entries, key_metric, listed, summary
from app.lifecycle.plain_tables import table
from app.lifecycle.promote import promote
from app.lifecycle.retire import retire
from app.lifecycle.stages import CANDIDATE
from test.unit.lifecycle.test_compare import with_metrics
from test.unit.lifecycle.test_rollback import three_versions


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

    found = [(stage, it.to) for stage, it in entries(tmp_path, "line")]

    assert found == [("dev", "1"), ("production", "2"), ("dev", "2")]


def test_the_key_metric_is_the_one_that_is_asked_for_first() -> None:
    assert key_metric(with_metrics(mae=3.0, r2=0.5)) == ("r2", 0.5)
    assert key_metric(with_metrics(mae=3.0)) == ("mae", 3.0)
    assert key_metric(with_metrics()) is None


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    text = table([["a", "bb", ""], ["ccc", "d", "e"]], header=["x", "y", "z"])

    assert text.splitlines() == ["x    y   z", "a    bb", "ccc  d   e"]
