from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.traffic import Mode, Split
from app.lifecycle.retrain import Ending, Steps, alone, read_state, retrain
from app.settings.overlay import PROJECT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Works:
    """A registry and a stage as two variables, and a place where the power fails."""

    file: Path
    versions: dict[str, datetime] = field(default_factory=lambda: {"1": NOW - timedelta(days=9)})
    champion: str | None = "1"
    candidate: Split | None = None
    refuses: bool = False
    fails: str = ""
    n_trained: int = 0
    n_asked: int = 0
    said: list[str] = field(default_factory=list)

    def run(self, key: str = "k", now: datetime = NOW) -> Ending:
        steps = Steps(
            lambda: self.champion,
            lambda: self.candidate,
            self._train,
            self._created_at,
            self._settle,
        )
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


def a_split(version: str, mode: Mode = "canary") -> Split:
    return Split(model="line", version=version, mode=mode, share=0.1)


@pytest.mark.parametrize("mode", ["canary", "shadow"])
def test_while_another_version_is_on_trial_nothing_is_trained(works: Works, mode: Mode) -> None:
    works.candidate = a_split("7", mode)

    assert works.run() == "nothing to do"

    assert (works.n_trained, read_state(works.file)) == (0, None)
    [said] = works.said
    assert said.startswith(f"nothing to do: line 7 is on trial, as a {mode}; scripts/models.py")


def test_other_data_wait_for_the_verdict_on_the_canary_of_the_last_run(works: Works) -> None:
    works.run()
    works.champion, works.candidate = "1", a_split("2")

    assert works.run("other", NOW + timedelta(days=1)) == "nothing to do"

    assert (works.n_trained, works.n_asked) == (1, 1)


def test_a_run_that_was_killed_beside_its_own_canary_goes_on(works: Works) -> None:
    works.fails = "before promotion"
    with pytest.raises(KeyboardInterrupt):
        works.run()
    works.candidate = a_split("2")

    assert works.run() == "done"

    assert (works.n_trained, works.n_asked) == (1, 2)


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


def test_a_trial_that_is_begun_while_a_version_is_trained_is_left_alone(works: Works) -> None:
    trial = Split(model="line", version="7", mode="shadow", share=1.0)
    found = iter([None, trial])
    steps = Steps(lambda: "1", lambda: next(found), works._train, works._created_at, works._settle)

    assert retrain(works.file, "k", steps, now=NOW, tell=works.said.append) == "nothing to do"

    assert (works.n_trained, works.n_asked, works.champion) == (1, 0, "1")
    assert works.run() == "done"
    assert works.n_trained == 1
