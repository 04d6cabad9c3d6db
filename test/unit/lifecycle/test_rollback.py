from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from app.errors import RegistryError, StageChangedError
from app.lifecycle import history, traffic
from app.lifecycle.promote import Change, Promotion, promote
from app.lifecycle.registry import add_version
from app.lifecycle.retire import retire
from app.lifecycle.rollback import rollback
from app.lifecycle.stages import CANDIDATE
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


def on_dev(models: Path) -> bytes:
    return (models / "dev/model.joblib").read_bytes()


def canary(models: Path, version: str) -> None:
    split = traffic.split_of("line", version, mode="canary", share=0.5)
    traffic.start(models, models / "registry", split, stage="dev", who="bob")


def test_a_candidate_that_was_promoted_does_not_come_back_with_a_roll_back(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1")
    canary(models, "2")
    promote(models, models / "registry", "line", "2", stage="dev", change=Change("ann", "good"))

    back(models)

    assert not (models / "dev" / CANDIDATE).exists()
    ended = history.read_trials(models / "dev", "line")[-1]
    assert (ended.action, ended.champion, ended.who, ended.why) == ("stop", "1", "ann", "good")
    assert ended.before is not None


def test_a_roll_back_lets_another_candidate_go_and_says_so(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2")
    canary(models, "3")

    back(models, Change("ann", "all is wrong"))

    assert not (models / "dev" / CANDIDATE).exists()
    ended = history.read_trials(models / "dev", "line")[-1]
    assert (ended.action, ended.champion, ended.who) == ("stop", "2", "ann")
    assert ended.why == "all is wrong"


def test_a_candidate_stays_while_another_version_is_promoted(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1")
    canary(models, "3")

    promote(models, models / "registry", "line", "2", stage="dev")

    assert traffic.serving(models, "line", stage="dev").candidate is not None


def test_a_candidate_is_gone_before_the_version_before_is_placed(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2")
    canary(models, "3")
    (models / "dev/model.joblib").unlink()
    (models / "dev/model.joblib").mkdir()  # so that nothing can be placed

    with pytest.raises(RegistryError, match="dev: cannot be written: Is a directory"):
        back(models)

    assert not (models / "dev" / CANDIDATE).exists()


@contextmanager
def full_for_more_than(n_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond *n_bytes*."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_roll_back_that_cannot_be_recorded_does_not_happen(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2", "3")
    file = models / "dev/history.jsonl"
    recorded = file.read_bytes() + b"\n" * 50_000
    file.write_bytes(recorded)

    for _ in range(2):
        with (
            full_for_more_than(len(recorded) + 10),
            pytest.raises(RegistryError, match="too large"),
        ):
            back(models)

    assert (on_dev(models), file.read_bytes()) == (b"three", recorded)
    assert not (models / "dev/.new").exists()
    assert back(models).contract.version == "2"


def cut_off(models: Path, action: str, version: str) -> None:
    """Leave what a change leaves that is killed between its line and its files."""
    last = history.read(models / "dev")[-1]
    entry = last.model_copy(update={"action": action, "before": last.to, "to": version})
    history.append_line(models / "dev", history.line_of(entry))


def test_a_roll_back_that_was_cut_off_can_be_repeated(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1", "2", "3")
    cut_off(models, "rollback", "2")

    assert back(models).contract.version == "2"

    entries = history.read(models / "dev")[-2:]
    assert [(it.action, it.to) for it in entries] == [("found", "3"), ("rollback", "2")]
    assert back(models).contract.version == "1"


def test_a_roll_back_after_a_promotion_that_was_cut_off_does_not_go_forward(tmp_path: Path) -> None:
    models = three_versions(tmp_path, "1")
    cut_off(models, "promote", "2")

    with pytest.raises(RegistryError, match="knows no version of line before 1"):
        back(models)
