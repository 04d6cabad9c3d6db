from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from app.errors import RegistryError, StageChangedError
from app.lifecycle import history
from app.lifecycle.promote import Change, Promotion, promote
from app.lifecycle.registry import add_version
from app.lifecycle.retire import retire
from app.lifecycle.rollback import rollback
from test.builders import a_contract


def three_versions(models: Path, *promoted: str) -> Path:
    """Store versions 1, 2 and 3 of ``line``; promote those that are named, one after the other."""
    for payload in (b"one", b"two", b"three"):
        artefact = {"size_bytes": len(payload), "sha256": sha256(payload).hexdigest()}
        add_version(models / "registry", payload, a_contract(artefact=artefact))
    for version in promoted:
        promote(models, models / "registry", "line", version, stage="dev")
    return models


def back(models: Path, change: Change | None = None) -> Promotion:
    return rollback(models, models / "registry", "line", stage="dev", change=change)


def test_the_version_before_comes_back(tmp_path: Path) -> None:
    done = back(three_versions(tmp_path, "1", "3"))

    assert (done.contract.version, done.before) == ("1", "3")
    assert (tmp_path / "dev" / "model.joblib").read_bytes() == b"one"


def test_done_twice_it_goes_back_twice(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2", "3")

    assert [back(models).contract.version for _ in range(2)] == ["2", "1"]


def test_the_history_says_that_it_was_a_roll_back_and_why(tmp_path: Path) -> None:
    back(three_versions(tmp_path, "1", "2"), Change(who="ann", why="wrong answers"))

    last = history.read(tmp_path / "dev")[-1]

    assert (last.action, last.before, last.to, last.who) == ("rollback", "2", "1", "ann")
    assert last.why == "wrong answers"


def test_a_retired_version_is_passed_over(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2", "3")
    retire(models, models / "registry", "line", "2", "wrong rows")

    assert back(models).contract.version == "1"


def test_without_a_version_before_nothing_changes(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "3")

    with pytest.raises(RegistryError, match=r"knows no version of line before 3 .*Fix: promote"):
        back(models)

    assert (tmp_path / "dev" / "model.joblib").read_bytes() == b"three"


def test_what_was_never_promoted_cannot_be_rolled_back(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="line is not on dev, so there is nothing"):
        back(three_versions(tmp_path))


def test_a_roll_back_after_somebody_elses_is_told(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2", "3")
    back(models)

    with pytest.raises(StageChangedError, match="version 2 is there"):
        back(models, Change(replaces="3"))


def test_a_damaged_contract_is_mended_by_what_was_there_last(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2")
    (tmp_path / "dev" / "manifest.json").write_bytes(b"{")

    assert back(models).contract.version == "2"
