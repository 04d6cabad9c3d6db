"""Tables that are more than numbers, and more or less than one target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from app.domain.contract import Target
from app.errors import TrainingDataError
from app.lifecycle.datasets import Table
from app.lifecycle.registry import read_version
from app.wiring import open_estimator
from test.builders import a_classification_table, a_regression_table
from test.unit.lifecycle.shapes import a_mixed_table, a_table_of_texts, with_two_targets
from test.unit.lifecycle.training import replayed, trained

SHAPES = {
    "table": a_mixed_table(),
    "texts": a_table_of_texts(),
    "quantities": with_two_targets(a_regression_table()),
    "classes": with_two_targets(a_classification_table()),
    "outliers": a_regression_table().without_target(),
}


@pytest.mark.parametrize("table", SHAPES.values(), ids=SHAPES)
def test_a_version_of_every_shape_answers_its_golden_rows(tmp_path: Path, table: Table) -> None:
    contract = trained(tmp_path, table)

    assert (contract.input, contract.task) == (table.input, table.task)
    assert contract.golden.inputs
    replayed(tmp_path, contract)


def test_every_other_shape_says_why_nothing_is_compiled(tmp_path: Path) -> None:
    contracts = {shape: trained(tmp_path, table) for shape, table in SHAPES.items()}

    assert {shape: it.not_compiled["linear"] for shape, it in contracts.items()} == {
        "table": "it takes text in colour, note, and the engines numbers",
        "texts": "it takes texts, and the engines numbers",
        "quantities": "it answers several targets at once",
        "classes": "it answers several targets at once",
        "outliers": "it looks for outliers, which no engine does",
    }


def test_several_targets_are_promised_by_name(tmp_path: Path) -> None:
    outputs = trained(tmp_path, SHAPES["classes"]).outputs

    assert outputs.targets == (
        Target(name="it", classes=(0, 1, 2)), Target(name="its_opposite", classes=(0, 1, 2)),
    )  # fmt: skip
    assert (outputs.classes, outputs.has_probabilities) == (None, True)


def test_several_quantities_have_no_classes(tmp_path: Path) -> None:
    outputs = trained(tmp_path, SHAPES["quantities"]).outputs

    assert [target.classes for target in outputs.targets] == [None, None]
    assert not outputs.has_probabilities


@pytest.mark.parametrize(
    ("table", "has_scores"),
    [(SHAPES["outliers"], True), (a_classification_table(), True), (a_regression_table(), False)],
    ids=["outliers", "classification", "regression"],
)
def test_scores_are_promised_where_the_model_decides_by_them(
    tmp_path: Path,
    table: Table,
    has_scores: bool,  # noqa: FBT001
) -> None:
    assert trained(tmp_path, table).outputs.has_scores is has_scores


def test_the_estimator_may_be_chosen(tmp_path: Path) -> None:
    contract = trained(tmp_path, a_classification_table(), estimator="forest")

    stored = read_version(tmp_path, contract.name, contract.version)
    assert isinstance(open_estimator(stored.payload)[-1], RandomForestClassifier)


def test_what_cannot_be_learnt_is_refused_and_not_stored(tmp_path: Path) -> None:
    table = a_table_of_texts()
    dots = np.full_like(table.features, "...")

    with pytest.raises(TrainingDataError, match="parity: cannot be learnt: empty vocabulary"):
        trained(tmp_path, replace(table, features=dots))

    assert not (tmp_path / "parity").exists()
