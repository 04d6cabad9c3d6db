from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from app.adapters.engines.choice import choose
from app.adapters.engines.deciding import decider_of
from app.adapters.engines.reference import SklearnEngine
from app.domain.ports import Engine
from app.errors import ModelNotReadyError, ModelRejectedError
from app.lifecycle.compiling.engines import with_engines
from app.wiring import open_compiled
from test.builders import a_contract
from test.shapes import NUMBERS, sides, some_numbers

ROWS = some_numbers()
BINARY = ROWS[:, 0] > 0


class Opening:
    """Opens the reference, and counts how often."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.count = 0

    def __call__(self) -> Engine:
        self.count += 1
        has_probabilities = hasattr(self.estimator, "predict_proba")
        return SklearnEngine(self.estimator, has_probabilities=has_probabilities)


def chosen(estimator: Any, *, has_scores: bool = True) -> tuple[Any, Opening]:
    """What serves *estimator* after it was compiled."""
    opening = Opening(estimator)
    outputs = {
        "classes": estimator.classes_.tolist(),
        "has_probabilities": hasattr(estimator, "predict_proba"),
        "has_scores": has_scores,
    }
    contract = a_contract(*NUMBERS, task="classification", outputs=outputs)
    contract, files = with_engines(
        contract, estimator, reference=opening(), known=ROWS, open_compiled=open_compiled
    )
    opening.count = 0
    return choose(contract, files, opening), opening


@pytest.mark.parametrize("target", [BINARY, sides(ROWS)], ids=["two classes", "three classes"])
@pytest.mark.parametrize("head", [LogisticRegression(), LinearSVC()], ids=["logistic", "svm"])
def test_a_linear_engine_decides_without_the_reference(head: Any, target: Any) -> None:
    estimator = make_pipeline(StandardScaler(), head).fit(ROWS, target)

    choice, opening = chosen(estimator)

    assert choice.name == "linear"
    found = choice.decider.decide(ROWS)
    expected = estimator.decision_function(ROWS)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert opening.count == 0


def test_another_engine_leaves_it_to_the_reference_opened_once() -> None:
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(ROWS, BINARY)

    choice, opening = chosen(estimator)

    assert choice.name != "sklearn"
    assert opening.count == 0
    for _ in range(2):
        assert np.array_equal(choice.decider.decide(ROWS), estimator.decision_function(ROWS))
    assert opening.count == 1


def test_without_a_promise_nobody_decides() -> None:
    estimator = LogisticRegression().fit(ROWS, BINARY)

    assert chosen(estimator, has_scores=False)[0].decider is None


def test_a_reference_that_cannot_be_opened_is_no_fault_of_the_process() -> None:
    def fails() -> Engine:
        raise ModelRejectedError("the file names what is not listed")

    decider = decider_of(object(), fails)

    for _ in range(2):
        with pytest.raises(ModelNotReadyError, match="cannot be computed here"):
            decider.decide(ROWS)
