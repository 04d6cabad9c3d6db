from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest

from app.adapters.lru_cache import LruCache
from app.adapters.null import NullMetrics
from app.domain.contract import Contract, Feature, Outputs
from app.domain.ports import Cache, Engine, Matrix, Scores
from app.domain.prediction import MAX_CACHED_INPUT_BYTES, ServedModel, Wish, feature_means, predict
from app.domain.rows import RowReader
from app.errors import InputInvalidError
from test.builders import a_contract


class AddingEngine:
    """Adds its inputs; its probabilities are shares of them."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, matrix: Matrix) -> Scores:
        self.calls += 1
        return Scores(matrix.sum(axis=1), matrix / matrix.sum(axis=1, keepdims=True))


def served(engine: Engine, contract: Contract | None = None) -> ServedModel:
    contract = contract or a_contract(outputs=Outputs(classes=("x", "y"), has_probabilities=True))
    reader = RowReader(contract, min_value=-9, max_value=9, nan_replacement=0.0, max_rows=9)
    return ServedModel(contract, engine, reader, datetime.now(UTC))


def results(
    model: ServedModel, rows: list[list[float]], *, cache: Cache | None, shares: bool = False
) -> tuple[dict[str, object], str]:
    result = predict(
        model, np.array(rows), Wish(probabilities=shares), cache=cache, metrics=NullMetrics()
    )
    return json.loads(b"{" + result.fragment + b"}"), result.cache


def test_predictions_come_in_the_order_of_the_rows() -> None:
    answer, _ = results(served(AddingEngine()), [[1, 2], [3, 4]], cache=None)

    assert answer == {"predictions": [3.0, 7.0]}


def test_probabilities_come_with_their_classes_when_they_are_wanted() -> None:
    answer, _ = results(served(AddingEngine()), [[1, 3]], cache=None, shares=True)

    assert answer == {"predictions": [4.0], "probabilities": [[0.25, 0.75]], "classes": ["x", "y"]}


def test_the_same_input_is_scored_once() -> None:
    engine, cache = AddingEngine(), LruCache(8)

    model = served(engine)
    first = results(model, [[1, 2]], cache=cache)
    second = results(model, [[1, 2]], cache=cache)

    assert (first[1], second[1], engine.calls) == ("miss", "hit", 1)
    assert first[0] == second[0]


@pytest.mark.parametrize("other", [[[2.0, 1.0]], [[1.0, 2.0000001]], [[-1.0, 2.0]]])
def test_another_input_is_never_answered_from_the_cache(other: list[list[float]]) -> None:
    model, cache = served(AddingEngine()), LruCache(8)
    results(model, [[1, 2]], cache=cache)

    assert results(model, other, cache=cache)[1] == "miss"


def test_another_kind_of_output_is_never_answered_from_the_cache() -> None:
    model, cache = served(AddingEngine()), LruCache(8)
    results(model, [[1, 2]], cache=cache)

    answer, outcome = results(model, [[1, 2]], cache=cache, shares=True)

    assert outcome == "miss"
    assert "probabilities" in answer


def test_a_new_version_is_never_answered_from_the_old_ones_cache() -> None:
    engine, cache = AddingEngine(), LruCache(8)
    results(served(engine), [[1, 2]], cache=cache)
    newer = a_contract(artefact={"size_bytes": 1, "sha256": "1" * 64})

    assert results(served(engine, newer), [[1, 2]], cache=cache)[1] == "miss"


def test_two_contracts_of_one_file_never_share_an_answer() -> None:
    cache, answers = LruCache(8), []
    for classes in (("x", "y"), ("no", "yes")):
        contract = a_contract(outputs=Outputs(classes=classes, has_probabilities=True))
        model = served(AddingEngine(), contract)
        answers.append(results(model, [[1, 2]], cache=cache, shares=True)[0]["classes"])

    assert answers == [["x", "y"], ["no", "yes"]]


def test_a_large_input_goes_past_the_cache() -> None:
    engine, cache = AddingEngine(), LruCache(8)
    n_rows = MAX_CACHED_INPUT_BYTES // 16 + 1

    outcomes = [results(served(engine), [[1, 2]] * n_rows, cache=cache)[1] for _ in range(2)]

    assert outcomes == ["bypass", "bypass"]


def test_without_a_cache_every_answer_is_a_bypass() -> None:
    assert results(served(AddingEngine()), [[1, 2]], cache=None)[1] == "bypass"


def test_means_pass_over_missing_values() -> None:
    means = feature_means(np.array([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan]]))

    assert means[:2] == [2.0, 4.0]
    assert np.isnan(means[2])


def test_a_row_of_the_contract_is_an_example_that_the_reader_takes() -> None:
    contract = a_contract(
        Feature(name="a", trained_minimum=2.0, trained_maximum=4.0),
        Feature(name="b", kind="bool"),
        Feature(name="c", kind="int", minimum=0.0, maximum=3.0),
    )
    reader = RowReader(contract, min_value=-9, max_value=9, nan_replacement=0.0, max_rows=9)

    assert reader.matrix([list(contract.example_row)]).tolist() == [[3.0, 1.0, 2.0]]


class FixedEngine:
    """Answers the same whatever it is asked."""

    def __init__(self, predictions: Any, shares: Any = None) -> None:
        self.scores = Scores(predictions, shares)

    def predict(self, matrix: Matrix) -> Scores:
        assert len(matrix) == len(self.scores.predictions)
        return self.scores


class Confidences(NullMetrics):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def predicted(self, *, seconds: float, confidences: Sequence[float]) -> None:
        assert seconds >= 0
        self.seen += confidences


@pytest.mark.parametrize("n_rows", [1, 100])
@pytest.mark.parametrize(
    "values",
    [
        [0.1, np.nan, -0.0, 1e300],
        np.array([0.1, np.inf, 1e-8], np.float32),
        np.array([0.1, 65_504], np.float16),
        np.array([2**63 - 1, -1]),
        np.array([2**64 - 1], np.uint64),
        np.array([7, -1], ">i4"),
        [True, False],
        ["no", "é", ""],
        np.array(["a", None, 1, 2.5, False], object),
    ],
    ids=["floats", "float32", "float16", "int64", "uint64", "big end", "bool", "text", "objects"],
)
def test_predictions_of_any_kind_are_written_as_their_python_values(
    values: Any, n_rows: int
) -> None:
    predictions = np.asarray(values)[np.arange(n_rows) % len(values)]
    model = served(FixedEngine(predictions))

    result = predict(model, np.zeros((n_rows, 2)), Wish(), cache=None, metrics=NullMetrics())

    assert b"{" + result.fragment + b"}" == orjson.dumps({"predictions": predictions.tolist()})


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned around"])
@pytest.mark.parametrize("n_rows", [1, 50])
def test_probabilities_are_written_whatever_their_order_in_memory(n_rows: int, turned: Any) -> None:
    shares = np.random.default_rng(5).random((n_rows, 2))
    model = served(FixedEngine(shares[:, 0], np.asfortranarray(shares) if turned else shares))

    result = predict(
        model, np.zeros((n_rows, 2)), Wish(probabilities=True), cache=None, metrics=NullMetrics()
    )

    assert json.loads(b"{" + result.fragment + b"}")["probabilities"] == shares.tolist()


@pytest.mark.parametrize(
    ("shares", "highest"),
    [
        ([[0.25, 0.75]], [0.75]),
        ([[np.nan, 0.75]], []),
        ([[0.25, 0.75], [0.5, np.nan], [1.0, 0.0]], [0.75, 1.0]),
    ],
    ids=["one row", "one row without", "three rows"],
)
def test_the_highest_probability_of_each_row_is_measured(
    shares: list[list[float]], highest: list[float]
) -> None:
    model = served(FixedEngine(np.zeros(len(shares)), np.array(shares)))
    metrics = Confidences()

    predict(model, np.zeros((len(shares), 2)), Wish(), cache=None, metrics=metrics)

    assert metrics.seen == highest


def test_the_scores_come_along_unless_they_were_remembered() -> None:
    model, cache = served(AddingEngine()), LruCache(8)

    first, second = (
        predict(model, np.array([[1.0, 2.0]]), Wish(), cache=cache, metrics=NullMetrics())
        for _ in range(2)
    )

    assert first.scores is not None
    assert first.scores.predictions.tolist() == [3.0]
    assert second.scores is None


@pytest.mark.parametrize("n_rows", [1, 2, 100])
def test_means_are_those_of_the_rows(n_rows: int) -> None:
    matrix = np.random.default_rng(6).normal(size=(n_rows, 3))

    assert feature_means(matrix) == pytest.approx(matrix.mean(axis=0).tolist())


def of_words(engine: Engine, **changes: Any) -> ServedModel:
    features = (Feature(name="age"), Feature(name="town", kind="category"))
    return served(engine, a_contract(*features, **changes))


def words(*rows: tuple[Any, Any]) -> Matrix:
    matrix: Matrix = np.empty((len(rows), 2), dtype=object)
    matrix[:] = rows
    return matrix


class CountingEngine:
    """Answers with the length of the second column's words."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, matrix: Matrix) -> Scores:
        self.calls += 1
        return Scores(np.array([len(str(word)) for word in matrix[:, 1]]), None)


@pytest.mark.parametrize(
    "other",
    [(1.0, "Biel"), (1.0, "bern"), (1.0, np.nan), (2.0, "Bern"), ("1.0", "Bern"), (1.0, "Bern\0")],
    ids=["word", "case", "missing", "number", "text of a number", "NUL"],
)
def test_the_content_of_objects_is_remembered_and_not_their_addresses(
    other: tuple[Any, Any],
) -> None:
    engine, cache = CountingEngine(), LruCache(8)
    town = str(b"Bern", "ascii")  # made anew, so that it stands elsewhere

    model = of_words(engine)
    outcomes = [
        predict(model, rows, Wish(), cache=cache, metrics=NullMetrics()).cache
        for rows in (words((1.0, "Bern")), words((1.0, town)), words(other))
    ]

    assert outcomes == ["miss", "hit", "miss"]
    assert engine.calls == 2


def test_long_texts_go_past_the_cache() -> None:
    rows = words((1.0, "x" * MAX_CACHED_INPUT_BYTES))

    outcomes = [
        predict(of_words(CountingEngine()), rows, Wish(), cache=cache, metrics=NullMetrics()).cache
        for cache in [LruCache(8)] * 2
    ]

    assert outcomes == ["bypass", "bypass"]


def test_only_columns_of_numbers_have_means() -> None:
    means = feature_means(words((1.0, "Bern"), (np.nan, "5"), (3.0, np.nan)))

    assert means[0] == 2.0
    assert np.isnan(means[1])
    assert np.isnan(feature_means(words((np.nan, "Bern")))).all()


class Deciding:
    def __init__(self) -> None:
        self.calls = 0

    def decide(self, matrix: Matrix) -> Any:
        self.calls += 1
        return matrix.sum(axis=1)


def test_scores_are_asked_for_only_when_they_are_wished_for() -> None:
    decider, cache = Deciding(), LruCache(8)
    model = replace(served(AddingEngine()), decider=decider)
    wishes = [Wish(), Wish(scores=True), Wish(scores=True), Wish()]

    found = [
        predict(model, np.array([[1.0, 2.0]]), wish, cache=cache, metrics=NullMetrics())
        for wish in wishes
    ]

    assert decider.calls == 1
    assert [it.cache for it in found] == ["miss", "miss", "hit", "hit"]
    assert [b'"scores":[3.0]' in it.fragment for it in found] == [False, True, True, False]


def test_each_target_has_its_own_confidence() -> None:
    shares = (np.array([[0.25, 0.75]]), np.array([[0.1, 0.2, 0.7]]))
    model = served(FixedEngine(np.array([["a", "b"]]), shares))
    metrics = Confidences()

    predict(model, np.zeros((1, 2)), Wish(), cache=None, metrics=metrics)

    assert metrics.seen == [0.75, 0.7]


class Refuses:
    def predict(self, _: Matrix) -> Scores:
        raise ValueError("Found unknown categories ['Chur'] in column 1 during transform")


def test_words_that_a_model_refuses_are_the_callers_matter_and_its_words_stay_inside() -> None:
    with pytest.raises(InputInvalidError, match="the model refuses these values") as caught:
        predict(
            of_words(Refuses()), words((1.0, "Chur")), Wish(), cache=None, metrics=NullMetrics()
        )

    assert "unknown" not in str(caught.value)


def test_numbers_that_a_model_refuses_are_a_failure_of_the_model() -> None:
    with pytest.raises(ValueError, match="Found unknown"):
        predict(served(Refuses()), np.zeros((1, 2)), Wish(), cache=None, metrics=NullMetrics())
