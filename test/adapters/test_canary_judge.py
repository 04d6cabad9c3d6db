"""What the judge of a canary does with what was counted, once."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.judge import Evidence, Rules
from app.domain.prediction import ServedModel
from app.domain.traffic import Why
from app.wiring import build_services
from test.adapters.trials import RULES, SLOW, Trial
from test.builders import a_classification_table, a_promoted_model, some_settings


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    settings = some_settings(tmp_path_factory.mktemp("judge"))
    a_promoted_model(settings, a_classification_table())
    return build_services(settings).models.current()


@pytest.fixture
def trial(champion: ServedModel, tmp_path: Path) -> Trial:
    return Trial(champion, tmp_path)


def test_a_good_candidate_is_promoted_once_after_its_verdict_was_written(trial: Trial) -> None:
    judge = trial.worker()
    trial.learn(judge)
    trial.answer(judge, champion=200, candidate=200)

    for _ in range(3):
        judge.look()

    reason = "no worse than tolerated in any measure"
    assert trial.changes.asked == [("sides", "2", Why("judge", reason))]
    assert trial.changes.verdicts == [["verdict.json", "verdict.svg"]]
    assert trial.told.rulings == [("sides", "promote")]
    [event] = trial.told.events
    assert (event.kind, event.subject, event.route) == ("admin", "judge", "judge")
    detail = json.loads(event.detail or "")
    assert (detail["ruling"], detail["version"]) == ("promote", "2")
    assert detail["sentences"][0] == reason
    assert "errors: 0 of 200 (0.00 %) failed" in detail["sentences"][1]
    [folder] = trial.runtime.glob("verdicts/*")
    assert folder.name == f"sides-2-{trial.now:%Y%m%dT%H%M%SZ}"
    document = json.loads((folder / "verdict.json").read_text())
    assert (document["ruling"], document["champion"]) == ("promote", "1")
    assert reason in (folder / "verdict.svg").read_text()


def test_a_candidate_that_fails_is_let_go_on_what_two_workers_saw(trial: Trial) -> None:
    first, second = trial.worker(), trial.worker()
    trial.learn(first, second)
    trial.answer(first, champion=30)
    for _ in range(30):
        second.failed("2")

    for judge in (second, first, second, first):
        judge.look()

    reason = "worse than tolerated in errors"
    assert trial.changes.asked == [("sides", None, Why("judge", reason))]
    assert trial.told.rulings == [("sides", "roll back")]


def test_a_slower_candidate_is_let_go(trial: Trial) -> None:
    judge = trial.worker()
    trial.learn(judge)
    trial.answer(judge, champion=100)
    for _ in range(100):
        judge.offer(trial.answered(trial.candidate, SLOW))

    judge.look()

    assert [why.reason for *_, why in trial.changes.asked] == ["worse than tolerated in latency"]


def test_a_trial_without_requests_ends_after_its_time(trial: Trial) -> None:
    judge = trial.worker()
    judge.look()
    assert trial.changes.asked == []

    trial.now += timedelta(seconds=RULES.most_seconds + 1)
    judge.look()

    [(_, version, why)] = trial.changes.asked
    assert version is None
    assert why.reason.startswith("undecided, 0 requests and 604,8")


def test_a_change_that_is_refused_is_tried_again_and_logged_once(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    judge = trial.worker()
    trial.learn(judge)
    trial.answer(judge, champion=200, candidate=200)
    trial.changes.refusals = 3

    for _ in range(5):
        judge.look()

    assert len(trial.changes.asked) == len(trial.told.events) == 1
    assert trial.changes.verdicts == [["verdict.json", "verdict.svg"]]
    errors = [it for it in caplog.records if it.levelno >= logging.ERROR]
    assert [it.message for it in errors] == ["judge failed"]


def test_an_audit_log_that_is_down_keeps_no_bad_candidate(trial: Trial) -> None:
    trial.told.is_down = True
    judge = trial.worker()
    trial.learn(judge)
    trial.answer(judge, champion=30)
    for _ in range(30):
        judge.failed("2")

    judge.look()

    assert len(trial.changes.asked) == 1


def test_a_folder_that_cannot_be_written_touches_no_answer(trial: Trial) -> None:
    trial.runtime.write_text("no folder")
    judge = trial.worker()

    trial.learn(judge)
    trial.answer(judge, champion=1, candidate=1)
    judge.failed("2")
    judge.look()

    assert trial.changes.asked == []


def test_another_worker_judges_when_the_first_has_died(trial: Trial) -> None:
    first, second = trial.worker(), trial.worker()
    trial.learn(first, second)
    trial.answer(second, champion=200, candidate=200)
    second.look()
    assert trial.changes.asked == []
    del first

    second.look()

    assert len(trial.changes.asked) == 1


def test_a_verdict_of_a_worker_that_died_is_acted_on_and_not_written_again(trial: Trial) -> None:
    first = trial.worker()
    trial.learn(first)
    trial.answer(first, champion=200, candidate=200)
    trial.changes.kills = True
    with pytest.raises(KeyboardInterrupt):
        first.look()
    trial.changes.kills = False
    del first
    gc.collect()  # the error holds the worker

    trial.worker().look()

    assert len(trial.changes.asked) == len(trial.told.events) == 1


@pytest.mark.parametrize("is_anew", [True, False], ids=["begun-anew", "let-go"])
def test_a_canary_that_somebody_has_ended_is_left_alone(trial: Trial, *, is_anew: bool) -> None:
    judge = trial.worker()
    trial.learn(judge)
    trial.answer(judge, champion=200, candidate=200)
    trial.file.unlink()
    if is_anew:
        trial.file.write_text("announced again")

    judge.look()

    assert trial.changes.asked == []


def test_the_plot_shows_the_looks_before_the_last(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Sequence[Evidence]] = []

    def draw(_heading: str, looks: Sequence[Evidence], _rules: Rules) -> str:
        drawn.append(looks)
        return "<svg/>"

    court = replace(trial.court, draw=draw)
    monkeypatch.setattr(Trial, "court", property(lambda _: court))
    judge = trial.worker()
    trial.learn(judge)
    for _ in range(20):
        trial.answer(judge, champion=20, candidate=20)
        judge.look()

    [looks] = drawn
    requests = [look.candidate.requests for look in looks]
    assert len(requests) > 2
    assert requests == sorted(requests)
