from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.adapters.engines.forest import ForestHead
from app.adapters.engines.opening import open_compiled
from app.domain.contract import Contract
from app.errors import ModelRejectedError
from app.lifecycle.compiling.forest import forest_arrays
from app.lifecycle.compiling.steps import peeled
from test.builders import a_classification_table, a_contract, a_regression_table

LINE, SIDES = a_regression_table(), a_classification_table()
NAMES = np.array(["left", "middle", "right"])
needs_kernel = pytest.mark.skipif(
    not ForestHead.is_available(), reason="needs the forest kernel: a C compiler"
)


def stored(arrays: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def of_classes(*classes: str) -> Contract:
    outputs = {"classes": classes, "has_probabilities": True}
    return a_contract(task="classification", outputs=outputs)


def a_forest() -> tuple[Any, bytes]:
    forest = RandomForestClassifier(5, random_state=0)
    model = make_pipeline(StandardScaler(), forest).fit(SIDES.features, NAMES[SIDES.target])
    steps, head = peeled(model)
    return model, stored(steps | forest_arrays(head))


@needs_kernel
def test_a_forest_behind_a_scaler_answers_as_the_pipeline_does() -> None:
    model, payload = a_forest()

    scores = open_compiled("forest", of_classes(*NAMES), payload).predict(SIDES.features)

    assert scores.predictions.tolist() == model.predict(SIDES.features).tolist()
    assert isinstance(scores.probabilities, np.ndarray)
    assert scores.probabilities.tolist() == model.predict_proba(SIDES.features).tolist()


@needs_kernel
def test_a_forest_of_numbers_answers_with_one_a_row() -> None:
    model = RandomForestRegressor(5, random_state=0).fit(LINE.features, LINE.target)

    engine = open_compiled("forest", a_contract(), stored(forest_arrays(model)))

    found = engine.predict(LINE.features)
    assert found.probabilities is None
    assert found.predictions.tolist() == model.predict(LINE.features).tolist()


@needs_kernel
@pytest.mark.parametrize(
    "contract",
    [of_classes("left", "right"), a_contract()],
    ids=["fewer classes", "a regression"],
)
def test_a_forest_of_another_model_is_refused(contract: Contract) -> None:
    with pytest.raises(ModelRejectedError, match="the trees answer with shape"):
        open_compiled("forest", contract, a_forest()[1])


@pytest.mark.parametrize("kind", ["linear", "forest", "onnx"])
@pytest.mark.parametrize("payload", [b"", b"nonsense", stored({"a": np.zeros(3)})], ids=len)
def test_bytes_that_are_no_engine_are_refused(kind: Any, payload: bytes) -> None:
    with pytest.raises(ModelRejectedError):
        open_compiled(kind, a_contract(), payload)
