from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from app.adapters.lru_cache import LruCache
from app.adapters.null import NullMetrics
from app.domain.contract import Contract, Feature, Outputs
from app.domain.ports import Cache, Matrix, Scores
from app.domain.prediction import MAX_CACHED_INPUT_BYTES, ServedModel, feature_means, predict
from app.domain.rows import RowReader
from test.builders import a_contract


class AddingEngine:
    """Adds its inputs; its probabilities are shares of them."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, matrix: Matrix) -> Scores:
        self.calls += 1
        return Scores(matrix.sum(axis=1), matrix / matrix.sum(axis=1, keepdims=True))


def served(engine: AddingEngine, contract: Contract | None = None) -> ServedModel:
    contract = contract or a_contract(outputs=Outputs(classes=("x", "y"), has_probabilities=True))
    reader = RowReader(contract, min_value=-9, max_value=9, nan_replacement=0.0, max_rows=9)
    return ServedModel(contract, engine, reader, datetime.now(UTC))


def results(
    model: ServedModel, rows: list[list[float]], *, cache: Cache | None, shares: bool = False
) -> tuple[dict[str, object], str]:
    result = predict(model, np.array(rows), shares, cache=cache, metrics=NullMetrics())
    return json.loads(b"{" + result.fragment + b"}"), result.cache


def test_predictions_come_in_the_order_of_the_rows() -> None:
    answer, _ = results(served(AddingEngine()), [[1, 2], [3, 4]], cache=None)

    assert answer == {"predictions": [3.0, 7.0]}


def test_probabilities_come_with_their_classes_when_they_are_wanted() -> None:
    answer, _ = results(served(AddingEngine()), [[1, 3]], cache=None, shares=True)

    assert answer == {"predictions": [4.0], "probabilities": [[0.25, 0.75]], "classes": ["x", "y"]}


def test_the_same_input_is_scored_once() -> None:
    engine, cache = AddingEngine(), LruCache(8)

    first = results(served(engine), [[1, 2]], cache=cache)
    second = results(served(engine), [[1, 2]], cache=cache)

    assert (first[1], second[1], engine.calls) == ("miss", "hit", 1)
    assert first[0] == second[0]


@pytest.mark.parametrize("other", [[[2.0, 1.0]], [[1.0, 2.0000001]], [[-1.0, 2.0]]])
def test_another_input_is_never_answered_from_the_cache(other: list[list[float]]) -> None:
    engine, cache = AddingEngine(), LruCache(8)
    results(served(engine), [[1, 2]], cache=cache)

    assert results(served(engine), other, cache=cache)[1] == "miss"


def test_another_kind_of_output_is_never_answered_from_the_cache() -> None:
    engine, cache = AddingEngine(), LruCache(8)
    results(served(engine), [[1, 2]], cache=cache)

    answer, outcome = results(served(engine), [[1, 2]], cache=cache, shares=True)

    assert outcome == "miss"
    assert "probabilities" in answer


def test_a_new_version_is_never_answered_from_the_old_ones_cache() -> None:
    engine, cache = AddingEngine(), LruCache(8)
    results(served(engine), [[1, 2]], cache=cache)
    newer = a_contract(artefact={"size_bytes": 1, "sha256": "1" * 64})

    assert results(served(engine, newer), [[1, 2]], cache=cache)[1] == "miss"


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
