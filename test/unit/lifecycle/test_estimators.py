from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from app.domain.ports import Matrix
from app.errors import TrainingDataError
from app.lifecycle.datasets import Table
from app.lifecycle.estimators import EstimatorName, estimator_for
from test.builders import a_classification_table, a_regression_table
from test.unit.lifecycle.shapes import a_mixed_table, a_table_of_texts, with_two_targets

PROJECT = Path(__file__).resolve().parents[3]
FIT_AND_DIGEST = """
from hashlib import sha256
from test.builders import a_classification_table
from test.unit.lifecycle.shapes import a_mixed_table
from app.lifecycle.fitting import dumped, fitted
for table, name in ((a_mixed_table(), None), (a_classification_table(), "boosting")):
    print(sha256(dumped(fitted(table, name))).hexdigest())
"""


def answers(table: Table, name: EstimatorName | None = None) -> Matrix:
    model = estimator_for(table, name).fit(table.features, table.target)
    answered: Matrix = model.predict(table.features)
    return answered


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (a_classification_table(), ["logistic", "forest", "boosting"]),
        (a_regression_table(), ["ridge", "forest", "boosting"]),
        (a_regression_table().without_target(), ["isolation"]),
    ],
    ids=["classification", "regression", "outliers"],
)
def test_each_task_has_its_estimators(table: Table, names: list[EstimatorName]) -> None:
    for name in names:
        assert len(answers(table, name)) == len(table.features)

    np.testing.assert_array_equal(answers(table), answers(table, names[0]))


@pytest.mark.parametrize(
    ("table", "name", "choices"),
    [
        (a_classification_table(), "ridge", "logistic or forest or boosting"),
        (a_regression_table(), "logistic", "ridge or forest or boosting"),
        (a_regression_table().without_target(), "forest", "isolation"),
        (a_regression_table(), "isolation", "ridge or forest or boosting"),
    ],
    ids=["ridge", "logistic", "forest", "isolation"],
)
def test_an_estimator_of_another_task_is_refused(
    table: Table, name: EstimatorName, choices: str
) -> None:
    with pytest.raises(TrainingDataError, match=f"'{name}' does no .*: choose {choices}$"):
        estimator_for(table, name)


@pytest.mark.parametrize("name", [it for it in get_args(EstimatorName) if it != "isolation"])
def test_several_targets_are_learnt_by_every_estimator(name: EstimatorName) -> None:
    table = a_regression_table() if name == "ridge" else a_classification_table()
    table = with_two_targets(table)

    assert answers(table, name).shape == (len(table.features), 2)


@pytest.mark.parametrize("name", ["logistic", "forest", "boosting"])
def test_a_table_with_gaps_is_learnt_by_every_estimator(name: EstimatorName) -> None:
    table = a_mixed_table(with_text=False)

    right = answers(table, name) == table.target

    assert right.mean() > 0.9


def test_free_text_beside_other_columns_is_learnt() -> None:
    table = a_mixed_table()
    told = replace(
        table, target=np.array(["word" in row[-1] for row in table.features]).astype(int)
    )

    np.testing.assert_array_equal(answers(told), told.target)


@pytest.mark.parametrize("table", [a_mixed_table(), a_table_of_texts()], ids=["table", "texts"])
def test_boosting_refuses_free_text(table: Table) -> None:
    with pytest.raises(TrainingDataError, match="boosting takes no free text"):
        estimator_for(table, "boosting")


def test_a_category_that_was_never_seen_is_taken() -> None:
    table = a_mixed_table(with_text=False)
    model = estimator_for(table).fit(table.features, table.target)
    row = table.features[:1].copy()
    row[0, 2] = "purple"

    assert model.predict(row).shape == (1,)


def test_two_processes_with_other_threads_make_the_same_bytes() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", FIT_AND_DIGEST],
            cwd=PROJECT,
            env={"PYTHONHASHSEED": n, "OMP_NUM_THREADS": n, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for n in ("1", "2")
    }

    assert len(digests) == 1
    assert len(digests.pop().split()) == 2
