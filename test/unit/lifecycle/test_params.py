from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.errors import TrainingDataError
from app.lifecycle.params import Plan, plan_of, read_params
from app.lifecycle.splits import HELD_OUT_SHARE, SEED
from app.settings.overlay import PROJECT

LEAST = "models: {line: {metric: r2, candidates: [{estimator: ridge}]}}"


def read(folder: Path, text: str) -> dict[str, Plan]:
    (folder / "params.yaml").write_text(text)
    return read_params(folder / "params.yaml")


def a_plan(**changes: Any) -> Plan:
    return Plan.model_validate({"metric": "r2", "candidates": [{"estimator": "ridge"}]} | changes)


def test_a_plan_needs_candidates_and_a_metric_alone(tmp_path: Path) -> None:
    plan = read(tmp_path, LEAST)["line"]

    assert (plan.folds, plan.seed, plan.held_out_share, plan.data) == (
        5, SEED, HELD_OUT_SHARE, None,
    )  # fmt: skip
    assert [str(it) for it in plan.trials] == ["ridge"]


def test_every_combination_is_tried_in_the_order_of_the_file() -> None:
    grid = {"max_iter": [20, 10], "learning_rate": 0.1}
    plan = a_plan(candidates=[{"estimator": "ridge"}, {"estimator": "boosting", "grid": grid}])

    assert [str(it) for it in plan.trials] == [
        "ridge",
        "boosting (max_iter 20, learning_rate 0.1)",
        "boosting (max_iter 10, learning_rate 0.1)",
    ]


def test_keys_of_other_readers_are_passed_over(tmp_path: Path) -> None:
    assert set(read(tmp_path, f"prepare: {{rows: 9}}\n{LEAST}")) == {"line"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "cannot be read: while parsing"),
        ("", "has no models. Fix: models: "),
        ("models: {}", "has no models"),
        ("models: {Line: {}}", "models.Line: String should match pattern"),
        ("models: {a: {metric: r2}}", "models.a.candidates: Field required"),
        ("models: {a: {metric: r2, candidates: []}}", "at least 1 item"),
        (LEAST.replace("ridge", "magic"), "models.line.candidates.0.estimator: Input should be"),
        (LEAST.replace("metric", "metrics: 1, metric"), "models.line.metrics: Extra inputs"),
        (LEAST.replace("metric", "folds: 1, metric"), "models.line.folds: Input should be greater"),
        (LEAST.replace("}]", ", grid: {alpha: []}}]"), "grid.alpha: Value should have at least 1"),
        (LEAST.replace("metric", "data: {}, metric"), "models.line.data: needs one of dataset"),
        (LEAST.replace("metric", "data: {dataset: x}, metric"), "dataset is one of diabetes"),
        (LEAST.replace("metric", "data: {csv: x}, metric"), "target goes with csv and parquet"),
    ],
    ids=[
        "yaml", "empty", "no-models", "name", "no-candidates", "empty-candidates", "estimator",
        "unknown-key", "folds", "no-values", "no-source", "dataset", "no-target",
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TrainingDataError) as refused:
        read(tmp_path, text)

    assert str(refused.value).startswith(f"{tmp_path}/params.yaml: ")
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="cannot be read: No such file"):
        read_params(tmp_path / "params.yaml")


def test_a_model_without_a_plan_is_said() -> None:
    with pytest.raises(TrainingDataError, match="has no model 'b'; there is: a"):
        plan_of({"a": a_plan()}, Path("params.yaml"), "b")


def test_a_plan_reads_its_data(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y,n\n" + "".join(f"{n},{n / 2},a\n" for n in range(30)))
    data = {"csv": "t.csv", "target": "y", "leave_out": "n"}

    assert a_plan(data=data).table("line", tmp_path).feature_names == ("x",)


def test_a_plan_without_data_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"the plan of line names no data\. Fix: data: "):
        a_plan().table("line", tmp_path)


def test_the_projects_own_plans_can_be_read() -> None:
    plans = read_params(PROJECT / "params.yaml")

    assert {"diabetes", "iris"} <= {name for name, plan in plans.items() if plan.data}
