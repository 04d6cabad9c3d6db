from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.errors import TrainingDataError
from app.lifecycle.crossval import Outcome, best, cross_validated
from app.lifecycle.datasets import built_in
from app.lifecycle.params import Plan, Trial
from test.builders import a_classification_table, a_regression_table
from test.unit.lifecycle.shapes import a_mixed_table, a_table_of_texts, with_two_targets
from test.unit.lifecycle.test_params import a_plan

RIDGES = [{"estimator": "ridge", "grid": {"alpha": [1000.0, 0.1]}}]


def a_class_plan(**changes: Any) -> Plan:
    return a_plan(
        **({"metric": "accuracy", "candidates": [{"estimator": "logistic"}], "folds": 3} | changes)
    )


def an_outcome(*values: float, name: str = "ridge") -> Outcome:
    return Outcome(Trial("ridge", {"name": name}), tuple({"r2": v, "rmse": v} for v in values))


def test_each_candidate_is_measured_on_each_fold() -> None:
    outcomes = cross_validated(a_regression_table(), a_plan(candidates=RIDGES, folds=4))

    assert [it.trial.settings for it in outcomes] == [{"alpha": 1000.0}, {"alpha": 0.1}]
    assert [len(it.folds) for it in outcomes] == [4, 4]
    assert outcomes[0].mean("r2") < 0.5 < outcomes[1].mean("r2")
    assert best(outcomes, "r2") is outcomes[1]


@pytest.mark.parametrize(
    ("table", "least"),
    [
        (a_mixed_table(), 0.7),
        (a_table_of_texts(), 0.9),
        (with_two_targets(a_classification_table()), 0.7),
    ],
    ids=["table", "texts", "targets"],
)
def test_every_shape_of_table_is_cross_validated(table: Any, least: float) -> None:
    plan = a_class_plan()

    outcomes = cross_validated(table, plan)

    assert outcomes[0].mean("accuracy") > least


@pytest.mark.parametrize(("metric", "winner"), [("r2", 1), ("rmse", 0)])
def test_the_best_is_the_highest_or_the_lowest(metric: str, winner: int) -> None:
    outcomes = [an_outcome(0.1, 0.2), an_outcome(0.3, 0.4)]

    assert best(outcomes, metric) is outcomes[winner]


def test_of_equals_the_earlier_is_taken() -> None:
    outcomes = [an_outcome(0.1, 0.3, name="a"), an_outcome(0.3, 0.1 + 1e-16, name="b")]

    assert best(outcomes, "r2") is outcomes[0]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (a_class_plan(metric="r2"), "'r2' is no measure of this task; there is: accuracy, f1"),
        (a_class_plan(candidates=[{"estimator": "ridge"}]), "'ridge' does no classification"),
        (
            a_class_plan(candidates=[{"estimator": "logistic", "grid": {"c": 1}}]),
            "logistic has no setting 'c'; there is: C, class_weight",
        ),
        (
            a_class_plan(candidates=[{"estimator": "forest", "grid": {"n_jobs": 2}}]),
            "forest: 'n_jobs' is set by --jobs alone",
        ),
        (
            a_class_plan(candidates=[{"estimator": "logistic", "grid": {"C": -1}}]),
            "sides: cannot be learnt: The 'C' parameter of LogisticRegression",
        ),
        (
            a_class_plan(candidates=[{"estimator": "logistic", "grid": {"text__min_df": 2}}]),
            "there is no text, and text__min_df is set",
        ),
        (a_class_plan(folds=50), "sides: 27 rows of a class that are not held out are too few"),
    ],
    ids=["metric", "task", "setting", "jobs", "value", "text", "folds"],
)
def test_a_plan_that_does_not_fit_the_table_is_refused(plan: Plan, message: str) -> None:
    with pytest.raises(TrainingDataError) as refused:
        cross_validated(a_classification_table(), plan)

    assert message in str(refused.value)


def test_settings_of_texts_reach_what_reads_them() -> None:
    grid = {"text__vocabulary": [["even", "odd"], ["number"]]}
    plan = a_class_plan(candidates=[{"estimator": "logistic", "grid": grid}])

    told, untold = cross_validated(a_table_of_texts(), plan)

    assert told.mean("accuracy") == 1.0
    assert untold.mean("accuracy") < 0.8


def test_without_a_target_nothing_is_compared() -> None:
    with pytest.raises(TrainingDataError, match="without a target no candidate can be compared"):
        cross_validated(built_in("iris").without_target(), a_class_plan())


def test_progress_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    cross_validated(a_regression_table(), a_plan(candidates=RIDGES))

    assert "cross-validating line: 10 of 10 fits" in capsys.readouterr().err


def test_equal_rows_lie_in_one_fold() -> None:
    """A forest knows noise by heart, so it would be sure of whatever it has seen before."""
    draw = np.random.default_rng(3)
    once = replace(
        a_classification_table(),
        features=draw.normal(size=(60, 2)),
        target=np.array(["left", "right"] * 30),
    )
    thrice = once.take(np.tile(np.arange(60), 3))
    plan = a_class_plan(candidates=[{"estimator": "forest", "grid": {"n_estimators": 20}}])

    [outcome] = cross_validated(thrice, plan)

    assert outcome.mean("accuracy") < 0.7


def test_rows_of_a_few_words_are_cross_validated_although_they_are_equal() -> None:
    words = np.array([["x"], ["y"]] * 20, dtype=object)
    table = replace(
        a_classification_table(),
        feature_names=("word",),
        features=words,
        target=words[:, 0].astype(str),
        kinds=("category",),
    )

    [outcome] = cross_validated(table, a_class_plan())

    assert outcome.mean("accuracy") == 1.0


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_a_metric_that_is_no_number_chooses_nothing() -> None:
    table = a_regression_table(n_rows=20)

    with pytest.raises(TrainingDataError, match="line: r2 of one of 20 folds is no number"):
        cross_validated(table, a_plan(folds=20))
