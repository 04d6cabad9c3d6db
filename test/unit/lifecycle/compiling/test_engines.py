from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from app.domain.compiled import CompiledKind
from app.domain.contract import Contract, Feature, Missing
from app.domain.describe import describe
from app.domain.ports import Engine, Matrix, Scores
from app.errors import ModelRejectedError
from app.lifecycle.compiling.engines import with_engines
from app.wiring import open_compiled, reference_engine
from test.builders import a_classification_table, a_contract, a_regression_table

Outcome = tuple[Contract, dict[str, bytes]]
LINE, SIDES = a_regression_table(), a_classification_table()
TWO_TARGETS = {"targets": [{"name": "one"}, {"name": "two"}]}


def compiled(
    model: Any, known: Any, opener: Any = open_compiled, reference: Engine | None = None
) -> Outcome:
    said = describe(model)
    contract = a_contract(*said.features, task=said.task, outputs=said.outputs)
    return with_engines(
        contract,
        model,
        reference=reference
        or reference_engine(model, has_probabilities=said.outputs.has_probabilities),
        known=known,
        open_compiled=opener,
    )


def a_line() -> Any:
    return make_pipeline(StandardScaler(), Ridge()).fit(LINE.features, LINE.target)


def test_a_linear_model_is_compiled_measured_and_compared() -> None:
    contract, files = compiled(a_line(), LINE.features)

    (linear,) = contract.compiled
    assert (linear.engine, linear.file, linear.size_bytes) == (
        "linear",
        "linear.npz",
        len(files["linear.npz"]),
    )
    assert linear.parity.rows == len(LINE.features) + 7 * 400
    assert linear.parity.label_disagreements == 0
    assert linear.parity.largest_difference < 1e-12
    assert contract.reference_timing is not None
    assert linear.timing.mean_us < contract.reference_timing.mean_us
    assert contract.not_compiled == {}


def test_the_same_model_is_compiled_to_the_same_bytes() -> None:
    assert compiled(a_line(), LINE.features)[1] == compiled(a_line(), None)[1]


def test_a_forest_gets_every_engine_that_agrees_the_fastest_first() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(SIDES.features, SIDES.target)

    contract, files = compiled(forest, SIDES.features)

    means = [it.timing.mean_us for it in contract.compiled]
    assert means == sorted(means)
    assert set(files) == {it.file for it in contract.compiled}
    assert {it.engine for it in contract.compiled} | set(contract.not_compiled) == {
        "linear",
        "forest",
        "onnx",
    }


def test_rows_with_gaps_are_compared_where_the_model_meets_them() -> None:
    model = HistGradientBoostingRegressor(max_iter=3).fit(LINE.features, LINE.target)
    passes = Missing(policy="pass")
    contract = a_contract(Feature(name="a", missing=passes), Feature(name="b", missing=passes))

    contract, _ = with_engines(
        contract,
        model,
        reference=reference_engine(model, has_probabilities=False),
        known=LINE.features,
        open_compiled=open_compiled,
    )

    for it in contract.compiled:
        assert it.parity.rows_with_missing > 1_000


@dataclass
class Bent:
    """An engine that answers like another, but for some rows."""

    engine: Engine
    bend: Callable[[Matrix, Scores], Scores]

    def predict(self, matrix: Matrix) -> Scores:
        return self.bend(matrix, self.engine.predict(matrix))


def another_label(matrix: Matrix, scores: Scores) -> Scores:
    wrong = scores.predictions.copy()
    wrong[matrix[:, 0] > 5e5] += 1
    return Scores(wrong, scores.probabilities)


def another_share(matrix: Matrix, scores: Scores) -> Scores:
    assert scores.probabilities is not None
    return Scores(scores.predictions, scores.probabilities + 2e-5 * (matrix[:, :1] > 5e5))


def another_type(_: Matrix, scores: Scores) -> Scores:
    return Scores(scores.predictions.astype(np.float64), scores.probabilities)


def no_shares(_: Matrix, scores: Scores) -> Scores:
    return Scores(scores.predictions, None)


def an_error(_: Matrix, __: Scores) -> Scores:
    raise RuntimeError("the kernel fell over")


@pytest.mark.parametrize(
    ("bend", "reason"),
    [
        (another_label, "answers? differ"),
        (another_share, "off by 2e-05"),
        (another_type, "answers differ"),
        (no_shares, "answers differ"),
        (an_error, "it cannot answer: RuntimeError: the kernel fell over"),
    ],
)
def test_a_planted_failure_is_refused_and_named(
    bend: Callable[[Matrix, Scores], Scores], reason: str
) -> None:
    model = LogisticRegression().fit(SIDES.features, SIDES.target)

    def opener(kind: CompiledKind, contract: Contract, payload: bytes) -> Engine:
        return Bent(open_compiled(kind, contract, payload), bend)

    contract, files = compiled(model, SIDES.features, opener)

    assert (contract.compiled, files) == ((), {})
    assert re.search(reason, contract.not_compiled["linear"])


def test_a_planted_failure_in_the_numbers_of_a_regression_is_refused() -> None:
    def bend(_: Matrix, scores: Scores) -> Scores:
        return Scores(scores.predictions * (1.0 + 3e-5), None)

    def opener(kind: CompiledKind, contract: Contract, payload: bytes) -> Engine:
        return Bent(open_compiled(kind, contract, payload), bend)

    contract, _ = compiled(a_line(), LINE.features, opener)

    assert contract.compiled == ()
    assert "off by 3e-05" in contract.not_compiled["linear"]


def test_an_engine_that_is_slower_than_the_reference_is_left_out() -> None:
    @dataclass
    class Instant:
        """A reference that costs nothing, with the answers of a line."""

        def predict(self, matrix: Matrix) -> Scores:
            return Scores(matrix[:, 0], None)

    model = Ridge(alpha=0.0).fit(LINE.features, LINE.features[:, 0])
    contract, files = compiled(model, LINE.features, reference=Instant())

    assert files == {}
    assert "it is slower: " in contract.not_compiled["linear"]


def test_what_nothing_can_compile_stays_as_it_is_and_says_why() -> None:
    def doubled(rows: Any) -> Any:
        return rows * 2

    model = make_pipeline(FunctionTransformer(doubled), PolynomialFeatures(), Ridge())
    contract, files = compiled(model.fit(LINE.features, LINE.target), LINE.features)

    assert files == {}
    assert set(contract.not_compiled) == {"linear", "forest", "onnx"}
    assert contract.reference_timing is not None


def test_an_estimator_that_breaks_a_compiler_is_not_compiled() -> None:
    model = a_line()
    model[0].mean_ = "no numbers"

    class Zeros:
        """Answers what the broken one cannot."""

        def predict(self, matrix: Matrix) -> Scores:
            return Scores(np.zeros(len(matrix)), None)

    contract, _ = compiled(model, LINE.features, reference=Zeros())

    assert contract.not_compiled["linear"].startswith("ValueError: ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"input": "table"}, "it takes text in colour, and the engines numbers"),
        ({"outputs": TWO_TARGETS}, "it answers several targets at once"),
        ({"task": "outlier-detection"}, "it looks for outliers, which no engine does"),
    ],
    ids=["table", "targets", "outliers"],
)
def test_what_no_engine_is_made_for_is_timed_and_not_tried(
    changes: dict[str, Any], reason: str
) -> None:
    word = Feature(name="colour", kind="category" if "input" in changes else "float")
    contract = a_contract(Feature(name="a"), word, **changes)

    contract, files = with_engines(
        contract,
        object(),
        reference=reference_engine(a_line(), has_probabilities=False),
        known=None,
        open_compiled=open_compiled,
    )

    assert (contract.compiled, files) == ((), {})
    assert contract.not_compiled == dict.fromkeys(["linear", "forest", "onnx"], reason)
    assert contract.reference_timing is not None


def test_a_model_that_answers_no_row_at_all_is_refused() -> None:
    class Silent:
        """Refuses whatever is asked."""

        def predict(self, _: Matrix) -> Scores:
            raise ValueError("no")

    with pytest.raises(ModelRejectedError, match="answers none of the rows"):
        compiled(a_line(), LINE.features, reference=Silent())
