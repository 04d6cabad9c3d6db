from __future__ import annotations

import logging

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from app.adapters.engines.sharing import batched, rows_of_a_call
from app.domain.compiled import Timing
from app.domain.contract import GoldenRows
from app.domain.golden import golden_matrix, record
from app.domain.ports import Engine, Matrix, Scores
from app.wiring import reference_engine
from test.builders import a_classification_table, a_contract
from test.shapes import all_shapes

DEAR = Timing(one_row_us=9_000, thousand_rows_us=20_000)
CHEAP = Timing(one_row_us=10, thousand_rows_us=500)


@pytest.mark.parametrize(
    ("one_row_us", "thousand_rows_us", "rows"),
    [
        pytest.param(10, 100, None, id="linear-by-hand"),
        pytest.param(8, 800, None, id="compiled-forest"),
        pytest.param(25, 3_600, None, id="onnx-forest"),
        pytest.param(500, 800, 64_935, id="scikit-learn-logistic"),
        pytest.param(9_000, 20_000, 999, id="scikit-learn-forest"),
        pytest.param(1_000, 1_000_000, 19, id="neighbours"),
        pytest.param(200_000, 250_000, 3_995, id="very-dear"),
        pytest.param(50_000, 50_000_000, 1, id="dear-rows"),
        pytest.param(500, 400, 195_000, id="measured-in-a-bad-moment"),
    ],
)
def test_rows_of_a_call(one_row_us: float, thousand_rows_us: float, rows: int | None) -> None:
    timing = Timing(one_row_us=one_row_us, thousand_rows_us=thousand_rows_us)

    assert rows_of_a_call(timing) == rows


def a_model(*, center: bool = False) -> LogisticRegression:
    table = a_classification_table()
    steps = [FunctionTransformer(lambda rows: rows - rows.mean(axis=0))] if center else []
    return make_pipeline(*steps, LogisticRegression()).fit(table.features, table.target)


def test_a_dear_engine_is_batched() -> None:
    model, rows = a_model(), a_classification_table().features
    engine = reference_engine(model, has_probabilities=True)

    shared = batched(engine, a_contract(golden=record(rows, engine)), DEAR, max_wait_seconds=1.0)

    assert shared is not None
    assert shared.predict(rows).predictions.tolist() == model.predict(rows).tolist()


def test_a_dear_engine_without_golden_rows_is_batched_too() -> None:
    engine = reference_engine(a_model(), has_probabilities=True)

    assert batched(engine, a_contract(), DEAR, max_wait_seconds=1.0) is not None


@pytest.mark.parametrize("timing", [CHEAP, None], ids=["cheap", "not-measured"])
def test_another_is_not(timing: Timing | None) -> None:
    engine = reference_engine(a_model(), has_probabilities=True)

    assert batched(engine, a_contract(), timing, max_wait_seconds=1.0) is None


@pytest.mark.parametrize("has_golden", [True, False], ids=["golden", "no-golden"])
@pytest.mark.parametrize("has_probabilities", [True, False], ids=["probabilities", "labels"])
def test_an_engine_that_looks_at_other_rows_is_not_batched(
    caplog: pytest.LogCaptureFixture, *, has_probabilities: bool, has_golden: bool
) -> None:
    engine = reference_engine(a_model(center=True), has_probabilities=has_probabilities)
    golden = record(a_classification_table().features, engine)
    contract = a_contract(golden=golden) if has_golden else a_contract()

    with caplog.at_level(logging.WARNING, logger="gatehouse.models"):
        assert batched(engine, contract, DEAR, max_wait_seconds=1.0) is None
    assert "depend on the rows around" in caplog.text


class Shares:
    """Answers each row with its share of all rows."""

    def predict(self, matrix: Matrix) -> Scores:
        return Scores(matrix[:, 0] / (1 + matrix[:, 0].sum()), None)


class Refuses:
    """Answers no row with a number above one."""

    def predict(self, matrix: Matrix) -> Scores:
        if (matrix > 1.0).any():
            raise ValueError("too much")
        return Scores(matrix[:, 0], None)


@pytest.mark.parametrize("engine", [Shares(), Refuses()], ids=["shares", "refuses"])
def test_an_engine_that_nothing_is_known_of_is_not_batched(engine: Engine) -> None:
    assert batched(engine, a_contract(), DEAR, max_wait_seconds=1.0) is None


@pytest.mark.parametrize("name", ["table", "texts", "multi-output", "multi-output-numbers"])
def test_every_shape_is_batched_and_answers_as_alone(name: str) -> None:
    shape = all_shapes()[name]
    has_probabilities = shape.contract.outputs.has_probabilities
    engine = reference_engine(shape.estimator, has_probabilities=has_probabilities)

    shared = batched(engine, shape.contract, DEAR, max_wait_seconds=1.0)

    assert shared is not None
    rows = golden_matrix(shape.contract.golden, shape.contract.input)
    predictions = shared.predict(rows).predictions
    assert np.array_equal(predictions, engine.predict(rows).predictions)


def test_a_model_of_words_without_golden_rows_is_not_batched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shape = all_shapes()["texts"]
    engine = reference_engine(shape.estimator, has_probabilities=True)
    contract = shape.contract.model_copy(update={"golden": GoldenRows()})

    assert batched(engine, contract, DEAR, max_wait_seconds=1.0) is None
    assert [it for it in caplog.records if it.name == "gatehouse.models"] == []
