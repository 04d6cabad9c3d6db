from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from app.domain.contract import Contract, Outputs, Target
from app.domain.ports import Scores
from app.domain.results import encoded
from test.builders import a_contract

TARGETS = (Target(name="side", classes=("left", "right")), Target(name="size", classes=(1, 2, 3)))


def answered(contract: Contract, scores: Scores, *, shares: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        b"{" + encoded(contract, scores, with_probabilities=shares) + b"}"
    )
    return found


def of_targets(*targets: Target) -> Contract:
    outputs = Outputs(targets=targets or TARGETS, has_probabilities=True)
    return a_contract(task="classification", outputs=outputs)


@pytest.mark.parametrize("n_rows", [1, 20])
def test_each_row_has_an_answer_for_each_target(n_rows: int) -> None:
    predictions = np.array([["left", 2]] * n_rows, dtype=object)

    assert answered(of_targets(), Scores(predictions, None)) == {
        "predictions": [["left", 2]] * n_rows,
        "targets": ["side", "size"],
    }


@pytest.mark.parametrize("n_rows", [1, 20])
def test_probabilities_come_by_row_and_then_by_target(n_rows: int) -> None:
    shares = (np.array([[0.25, 0.75]] * n_rows), np.array([[0.1, 0.2, 0.7]] * n_rows))
    predictions = np.array([["right", "3"]] * n_rows)

    found = answered(of_targets(), Scores(predictions, shares), shares=True)

    assert found["probabilities"] == [[[0.25, 0.75], [0.1, 0.2, 0.7]]] * n_rows
    assert found["classes"] == [["left", "right"], [1, 2, 3]]


def test_targets_of_one_width_are_written_in_the_same_way() -> None:
    contract = of_targets(TARGETS[0], TARGETS[0].model_copy(update={"name": "other"}))
    shares = (np.array([[0.25, 0.75]] * 9), np.array([[1.0, 0.0]] * 9))

    found = answered(contract, Scores(np.full((9, 2), "left"), shares), shares=True)

    assert found["probabilities"] == [[[0.25, 0.75], [1.0, 0.0]]] * 9


@pytest.mark.parametrize(
    "scores", [np.array([-0.5, 1.5]), np.array([[0.5, -1.0, 2.0]] * 2)], ids=["one", "several"]
)
def test_scores_are_written_when_they_are_there(scores: Any) -> None:
    found = answered(a_contract(), Scores(np.array([1, -1]), None, scores))

    assert found == {"predictions": [1, -1], "scores": scores.tolist()}


def test_what_is_no_number_is_null() -> None:
    found = answered(a_contract(), Scores(np.array([[np.nan, 1.0]] * 9), None))

    assert found["predictions"] == [[None, 1.0]] * 9
