from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.contract import Contract
from app.errors import OperatorError
from app.lifecycle.retrain import Ending, Occasion, Steps, alone, is_due, read_state, retrain
from app.settings.overlay import PROJECT
from test.builders import a_contract

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Works:
    """A registry and a stage as two variables, and a place where the power fails."""

    file: Path
    versions: dict[str, datetime] = field(default_factory=lambda: {"1": NOW - timedelta(days=9)})
    champion: str | None = "1"
    refuses: bool = False
    fails: str = ""
    n_trained: int = 0
    n_asked: int = 0
    said: list[str] = field(default_factory=list)

    def run(self, key: str = "k", now: datetime = NOW) -> Ending:
        steps = Steps(lambda: self.champion, self._train, self._created_at, self._settle)
        return retrain(self.file, key, steps, now=now, tell=self.said.append)

    def _train(self, began: datetime) -> str:
        self._power("before training")
        version = str(len(self.versions) + 1)
        self.versions[version] = began
        self.n_trained += 1
        self._power("after training")
        return version

    def _created_at(self, began: datetime) -> str | None:
        return next((it for it, at in self.versions.items() if at == began), None)

    def _settle(self, version: str) -> str | None:
        self.n_asked += 1
        self._power("before promotion")
        if self.refuses:
            return None
        self.champion = version
        self._power("after promotion")
        return "was promoted"

    def _power(self, place: str) -> None:
        if place == self.fails:
            self.fails = ""
            raise KeyboardInterrupt


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return Works(tmp_path / "state.json")


def test_a_version_is_trained_and_put_into_service(works: Works) -> None:
    assert works.run() == "done"

    assert (works.champion, works.n_trained) == ("2", 1)


def test_the_second_run_has_nothing_to_do(works: Works) -> None:
    works.run()

    assert works.run(now=NOW + timedelta(hours=1)) == "nothing to do"

    assert (works.n_trained, works.n_asked) == (1, 1)
    assert works.said == [
        "nothing to do: version 2, of the same data with the same parameters, was promoted"
    ]


@pytest.mark.parametrize(
    ("place", "n_asked", "ending"),
    [
        ("before training", 1, "done"),
        ("after training", 1, "done"),
        ("before promotion", 2, "done"),
        ("after promotion", 1, "nothing to do"),
    ],
)
def test_a_run_that_was_killed_goes_on_where_it_was(
    works: Works, place: str, n_asked: int, ending: Ending
) -> None:
    works.fails = place
    with pytest.raises(KeyboardInterrupt):
        works.run()

    assert works.run(now=NOW + timedelta(hours=1)) == ending

    assert (works.champion, works.n_trained, works.n_asked) == ("2", 1, n_asked)
    assert works.run() == "nothing to do"


def test_what_was_refused_is_asked_again_and_not_trained_again(works: Works) -> None:
    works.refuses = True
    assert works.run() == "refused"
    assert works.run() == "refused"
    works.refuses = False

    assert works.run() == "done"

    assert (works.champion, works.n_trained, works.n_asked) == ("2", 1, 3)


def test_other_data_or_parameters_are_trained(works: Works) -> None:
    works.run()

    assert works.run("other", NOW + timedelta(days=1)) == "done"

    assert (works.champion, works.n_trained) == ("3", 2)


def test_what_was_rolled_back_is_not_promoted_again(works: Works) -> None:
    works.run()
    works.champion = "1"

    assert works.run() == "nothing to do"

    assert works.champion == "1"


def test_a_new_champion_is_challenged_without_training_again(works: Works) -> None:
    works.run()
    works.versions["7"] = NOW
    works.champion = "7"

    assert works.run() == "done"

    assert (works.champion, works.n_trained, works.n_asked) == ("2", 1, 2)


def test_a_state_that_cannot_be_read_is_a_new_begin(works: Works) -> None:
    works.file.write_text("{")

    assert works.run() == "done"

    assert read_state(works.file) is not None


def test_of_two_at_once_one_is_told(tmp_path: Path) -> None:
    lock = tmp_path / "line.lock"
    code = (
        "from pathlib import Path; from app.lifecycle.retrain import alone\n"
        f"with alone(Path({str(lock)!r})): pass"
    )
    with alone(lock):
        other = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
        )

    assert f"line.lock: process {os.getpid()} retrains this model now. Fix: come" in other.stderr
    with alone(lock):
        pass


def an_occasion(when: Any, tmp_path: Path, *, days: float = 7.0) -> Occasion:
    return Occasion(when, tmp_path / "drift-line.json", timedelta(days=days))


def champion(age: timedelta) -> Contract:
    return a_contract(created_at=NOW - age)


@pytest.mark.parametrize(("days", "due"), [(6, False), (8, True)])
def test_on_schedule_the_age_decides(tmp_path: Path, *, days: int, due: bool) -> None:
    occasion = an_occasion("schedule", tmp_path)

    found, why = is_due(occasion, champion(timedelta(days=days)), NOW)

    assert found is due
    assert why == f"version 1 is {days}.0 days old, and the limit is 7"


@pytest.mark.parametrize(
    ("drifted", "hours", "due", "why"),
    [
        (True, 1, True, "says drift"),
        (False, 1, False, "says no drift"),
        (True, 24 * 9, False, "is older than version 1"),
    ],
    ids=["drift", "no drift", "old news"],
)
def test_a_drift_report_decides(
    tmp_path: Path, *, drifted: bool, hours: int, due: bool, why: str
) -> None:
    occasion = an_occasion("drift", tmp_path)
    verdict = "drift" if drifted else "no drift"
    report = {"created_at": NOW - timedelta(hours=hours), "drifted": drifted, "verdict": verdict}
    occasion.report.write_bytes(orjson.dumps(report))

    found = is_due(occasion, champion(timedelta(days=8)), NOW)

    assert found[0] is due
    assert why in found[1]


def test_without_a_report_nothing_is_due(tmp_path: Path) -> None:
    found, why = is_due(an_occasion("drift", tmp_path), champion(timedelta(days=8)), NOW)

    assert not found
    assert "scripts/run_drift_report.py writes it" in why


def test_a_damaged_report_is_a_mistake(tmp_path: Path) -> None:
    occasion = an_occasion("drift", tmp_path)
    occasion.report.write_text("{}")

    with pytest.raises(OperatorError, match=r"is no drift report\. Fix: "):
        is_due(occasion, champion(timedelta(days=8)), NOW)


@pytest.mark.parametrize("when", ["drift", "schedule", "always"])
def test_a_free_place_is_always_a_reason(tmp_path: Path, when: str) -> None:
    assert is_due(an_occasion(when, tmp_path), None, NOW) == (True, "nothing is promoted yet")
