"""What is counted of a judged canary, in each worker and over all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.judge import Arm, Evidence
from app.domain.ports import Scores
from app.domain.prediction import Result, ServedModel
from app.wiring import build_services
from test.adapters.trials import COMPARING, SLOW, Trial
from test.builders import a_classification_table, a_promoted_model, some_settings
from test.e2e.calls import until


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    settings = some_settings(tmp_path_factory.mktemp("judge"))
    a_promoted_model(settings, a_classification_table())
    return build_services(settings).models.current()


@pytest.fixture
def trial(champion: ServedModel, tmp_path: Path) -> Trial:
    return Trial(champion, tmp_path)


def test_nothing_is_counted_before_it_is_known_where_slow_begins(trial: Trial) -> None:
    judge = trial.worker()

    trial.answer(judge, champion=39, candidate=100)
    judge.failed("2")
    judge.look()
    trial.answer(judge, champion=1)
    judge.look()
    before = trial.counted()
    trial.answer(judge, champion=3, candidate=2)
    judge.look()

    assert before == Evidence()
    assert trial.counted() == Evidence(champion=Arm(fast=3), candidate=Arm(fast=2))


def test_workers_learn_from_the_first_and_the_counts_of_a_dead_one_stay(trial: Trial) -> None:
    first, second, third = (trial.worker() for _ in range(3))
    trial.learn(first, second, third)
    for judge in (first, second, third):
        trial.answer(judge, champion=2, candidate=1)
        judge.offer(trial.answered(trial.candidate, SLOW))
        judge.failed("2")
        judge.look()
    del third

    second.look()

    assert trial.counted() == Evidence(
        champion=Arm(fast=6), candidate=Arm(fast=3, slow=3, failed=3)
    )


def test_what_tells_nothing_of_a_version_is_not_counted(trial: Trial) -> None:
    judge = trial.worker()
    trial.learn(judge)
    other = replace(
        trial.champion, contract=trial.champion.contract.model_copy(update={"version": "7"})
    )

    judge.offer(trial.answered(trial.candidate, is_pinned=True))
    judge.offer(trial.answered(trial.candidate, result=Result(b"", "hit")))
    judge.offer(trial.answered(other))
    judge.failed("7")
    judge.look()

    assert trial.counted() == Evidence()


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [(False, ("promote", "2")), (True, ("roll back", None))],
    ids=["alike", "other-labels"],
)
def test_the_champions_requests_are_compared_where_the_rules_ask(
    trial: Trial, *, wrong: bool, expected: tuple[str, str | None]
) -> None:
    engine = trial.champion.engine

    class Wrong:
        def predict(self, matrix: Any) -> Scores:
            scores = engine.predict(matrix)
            return scores._replace(predictions=scores.predictions + 1)

    if wrong:
        trial.candidate = replace(trial.candidate, engine=Wrong())
    judge = trial.worker(COMPARING)
    trial.learn(judge)
    for number in range(200):
        judge.offer(trial.answered(trial.champion, request_id=f"request {number}"))
        judge.offer(trial.answered(trial.candidate, request_id=f"request {number}"))

    def ruled() -> bool:
        judge.look()
        return bool(trial.changes.asked)

    until(ruled, "there is no verdict")

    assert trial.told.rulings == [("sides", expected[0])]
    assert trial.changes.asked[0][1] == expected[1]


def test_another_share_is_another_trial_and_clears_away_the_first(trial: Trial) -> None:
    first = trial.worker()
    trial.learn(first)
    trial.answer(first, champion=5, candidate=5)
    first.look()
    [before] = trial.folders()

    second = trial.worker(share=0.6)
    second.look()
    trial.learn(second)
    trial.answer(second, candidate=1)
    second.look()

    [after] = trial.folders()
    assert after != before
    assert second._counts.of_all() == Evidence(candidate=Arm(fast=1))
