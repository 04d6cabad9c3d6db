from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from app.domain.contract import Contract, Outputs, Target
from app.domain.ports import Scores
from app.gate.arrow.scores import write_scores
from test.arrow_streams import table_of
from test.builders import a_contract


def a_classifier(*classes: Any) -> Contract:
    return a_contract(outputs=Outputs(classes=classes, has_probabilities=True))


def written(
    predictions: Any, shares: Any = None, contract: Contract | None = None, *, wanted: bool = False
) -> pa.Table:
    scores = Scores(np.asarray(predictions), None if shares is None else np.asarray(shares))
    contract = contract or a_contract()
    return table_of(write_scores(contract, scores, "mine-1", wants_probabilities=wanted))


def test_the_stream_names_model_version_and_request() -> None:
    assert written([1.0]).schema.metadata == {
        b"model": b"line",
        b"version": b"1",
        b"request_id": b"mine-1",
    }


@pytest.mark.parametrize(
    ("predictions", "kind", "values"),
    [
        (np.array([1.5, np.inf, -0.0]), pa.float64(), [1.5, np.inf, -0.0]),
        (np.array([0.5, 2], np.float32), pa.float64(), [0.5, 2.0]),
        (np.array([1, -2], np.int32), pa.int64(), [1, -2]),
        (np.array([1, 2], ">i8"), pa.int64(), [1, 2]),
        (np.array([2**64 - 1], np.uint64), pa.uint64(), [2**64 - 1]),
        (np.array([True, False] * 5), pa.bool_(), [True, False] * 5),
        (np.array(["é", "", "xyz"]), pa.string(), ["é", "", "xyz"]),
        (np.array(["a", None, 3, True], object), pa.string(), ["a", "null", "3", "true"]),
        (np.arange(6)[::2], pa.int64(), [0, 2, 4]),
    ],
    ids=["floats", "float32", "int32", "big end", "uint64", "bool", "text", "objects", "strided"],
)
def test_predictions_of_any_kind_are_written(
    predictions: Any, kind: pa.DataType, values: list[Any]
) -> None:
    column = written(predictions).column("prediction")

    assert column.type == kind
    assert column.to_pylist() == values


def test_probabilities_have_a_column_for_each_class_when_they_are_wanted() -> None:
    shares = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]
    contract = a_classifier("no", "yes")

    table = written(["yes", "no", "no"], shares, contract, wanted=True)

    assert table.column_names == ["prediction", "probability_no", "probability_yes"]
    assert np.column_stack(table.columns[1:]).tolist() == shares
    assert written(["yes"], [[0.25, 0.75]], contract).column_names == ["prediction"]


@pytest.mark.parametrize(
    ("classes", "names"),
    [((0, 1), ["0", "1"]), ((True, None), ["true", "null"]), ((1.5, "x"), ["1.5", "x"])],
    ids=["integers", "constants", "mixed"],
)
def test_a_class_that_is_no_text_is_named_as_in_json(
    classes: tuple[Any, ...], names: list[str]
) -> None:
    table = written([0], [[0.5, 0.5]], a_classifier(*classes), wanted=True)

    assert table.column_names[1:] == [f"probability_{name}" for name in names]


def test_a_model_without_classes_numbers_its_probabilities() -> None:
    table = written([0.0], [[0.5, 0.5]], wanted=True)

    assert table.column_names[1:] == ["probability_0", "probability_1"]


@pytest.mark.parametrize("n_rows", [1, 7, 8, 9, 1_000])
def test_any_number_of_rows_is_written(n_rows: int) -> None:
    flags = np.random.default_rng(2).random(n_rows) > 0.5

    assert written(flags).column("prediction").to_pylist() == flags.tolist()
    assert written(flags.astype(str)).column("prediction").to_pylist() == [str(f) for f in flags]


TARGETS = (Target(name="side", classes=("left", "right")), Target(name="size", classes=(1, 2, 3)))


def of_targets(
    predictions: Any, shares: Any = None, targets: tuple[Target, ...] = TARGETS
) -> dict[str, list[Any]]:
    contract = a_contract(outputs=Outputs(targets=targets, has_probabilities=True))
    scores = Scores(np.asarray(predictions), shares)
    table = table_of(write_scores(contract, scores, "mine-1", wants_probabilities=True))
    found: dict[str, list[Any]] = table.to_pydict()
    return found


def test_each_target_has_a_column_of_its_own_kind() -> None:
    predictions = np.array([["left", 2], ["right", 3]], dtype=object)

    assert of_targets(predictions) == {
        "prediction_side": ["left", "right"],
        "prediction_size": [2, 3],
    }


def test_each_class_of_each_target_has_a_column() -> None:
    shares = (np.array([[0.25, 0.75]]), np.array([[0.1, 0.2, 0.7]]))

    found = of_targets([["right", "3"]], shares)

    assert {name: values for name, values in found.items() if name.startswith("probability")} == {
        "probability_side_left": [0.25],
        "probability_side_right": [0.75],
        "probability_size_1": [0.1],
        "probability_size_2": [0.2],
        "probability_size_3": [0.7],
    }


def test_targets_without_a_name_are_numbered() -> None:
    found = of_targets([[1.5, 2.5]], (np.array([[1.0]]), np.array([[0.5, 0.5]])), ())

    assert list(found) == [
        "prediction_0", "prediction_1", "probability_0_0", "probability_1_0", "probability_1_1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "columns"),
    [
        ([-0.5], {"score": [-0.5]}),
        ([[0.5, -1.0]], {"score_no": [0.5], "score_yes": [-1.0]}),
        ([[0.5, -1.0, 2.0]], {"score_0": [0.5], "score_1": [-1.0], "score_2": [2.0]}),
    ],
    ids=["one", "classes", "pairs of classes"],
)
def test_scores_have_columns_when_they_are_there(scores: Any, columns: dict[str, Any]) -> None:
    answered = Scores(np.array(["no"]), None, np.array(scores))

    stream = write_scores(a_classifier("no", "yes"), answered, "mine-1", wants_probabilities=False)

    assert table_of(stream).to_pydict() == {"prediction": ["no"]} | columns
