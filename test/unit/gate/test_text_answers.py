from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from app.domain.contract import Outputs, Target
from app.domain.ports import Scores
from app.domain.prediction import Wish
from app.domain.results import encoded
from app.errors import FieldError
from app.gate.decode import Gaps
from app.gate.text_answers import with_gaps, without_rows, write_csv, write_ndjson
from test.builders import a_contract

LABELS = a_contract(
    task="classification",
    outputs=Outputs(classes=("no", 'yes, "so"'), has_probabilities=True, has_scores=True),
)
SEVERAL = a_contract(
    task="classification",
    outputs=Outputs(
        targets=(Target(name="u", classes=("x", "y")), Target(name="v", classes=(True, False, 2))),
        has_probabilities=True,
    ),
)
GAPS = Gaps(3, [0, 2], [FieldError(1, "a", "must be a number, not a string")])


def csv_of(body: bytes) -> list[list[str]]:
    assert body.endswith(b"\r\n")
    return [*csv.reader(io.StringIO(body.decode(), newline=""), strict=True)]


def lines_of(body: bytes) -> list[Any]:
    assert body.endswith(b"\n")
    return [json.loads(line) for line in body.splitlines()]


def fragment(
    contract: Any, predictions: Any, probabilities: Any = None, scores: Any = None
) -> bytes:
    found = Scores(np.array(predictions), probabilities, scores)
    return encoded(contract, found, with_probabilities=probabilities is not None)


def test_numbers_stand_in_csv_as_python_reads_them_back() -> None:
    values = [0.1, -1e-300, 1e16, 3.0, 1 / 3]

    rows = csv_of(write_csv(a_contract(), fragment(a_contract(), values), None))

    assert rows[0] == ["prediction"]
    assert [float(cell) for [cell] in rows[1:]] == values


def test_csv_has_a_column_for_each_class_and_score() -> None:
    shares = np.array([[0.25, 0.75], [1.0, 0.0]])
    found = fragment(LABELS, ["no", 'yes, "so"'], shares, np.array([-1.5, 2.0]))

    assert csv_of(write_csv(LABELS, found, None)) == [
        ["prediction", "probability_no", 'probability_yes, "so"', "score"],
        ["no", "0.25", "0.75", "-1.5"],
        ['yes, "so"', "1.0", "0.0", "2.0"],
    ]


def test_csv_has_columns_for_each_target() -> None:
    shares = (np.array([[0.5, 0.5]]), np.array([[0.25, 0.5, 0.25]]))
    found = fragment(SEVERAL, np.array([["x", True]], dtype=object), shares)

    assert csv_of(write_csv(SEVERAL, found, None)) == [
        ["prediction_u", "prediction_v", "probability_u_x", "probability_u_y",
         "probability_v_true", "probability_v_false", "probability_v_2"],
        ["x", "true", "0.5", "0.5", "0.25", "0.5", "0.25"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outputs", "width", "names"),
    [
        (Outputs(classes=(0, 1, 2)), 3, ["score_0", "score_1", "score_2"]),
        (Outputs(targets=(Target(name="u"), Target(name="v"))), 2, ["score_u", "score_v"]),
        (Outputs(classes=(0, 1, 2, 3)), 6, [f"score_{place}" for place in range(6)]),
    ],
    ids=["classes", "targets", "pairs of classes"],
)
def test_scores_are_named_after_what_they_are_of(
    outputs: Outputs, width: int, names: list[str]
) -> None:
    contract = a_contract(outputs=outputs)
    found = fragment(contract, [0], scores=np.ones((1, width)))

    assert csv_of(write_csv(contract, found, None))[0][-width:] == names


def test_columns_that_the_contract_does_not_name_are_numbered() -> None:
    bare = a_contract(task="classification", outputs=Outputs(has_probabilities=True))
    found = fragment(bare, np.array([["x", "y"]]), np.array([[0.5, 0.25, 0.25]]))

    assert csv_of(write_csv(bare, found, None)) == [
        ["prediction_0", "prediction_1", "probability_0", "probability_1", "probability_2"],
        ["x", "y", "0.5", "0.25", "0.25"],
    ]


def test_a_label_that_looks_like_a_formula_stays_the_label() -> None:
    found = fragment(LABELS, ["=1+1", "@x", "-2"])

    assert csv_of(write_csv(LABELS, found, None))[1:] == [["=1+1"], ["@x"], ["-2"]]


def test_csv_tells_why_a_row_has_no_answer() -> None:
    found = fragment(LABELS, ["no", "no"], np.array([[0.5, 0.5], [1.0, 0.0]]))

    assert csv_of(write_csv(LABELS, found, GAPS)) == [
        ["prediction", "probability_no", 'probability_yes, "so"', "error"],
        ["no", "0.5", "0.5", ""],
        ["", "", "", "row 1: a: must be a number, not a string"],
        ["no", "1.0", "0.0", ""],
    ]


def test_ndjson_has_an_object_for_each_row() -> None:
    shares = np.array([[0.25, 0.75], [1.0, 0.0]])
    found = fragment(LABELS, ["no", "é"], shares, np.array([[1.0], [2.0]]))

    assert lines_of(write_ndjson(found, None)) == [
        {"prediction": "no", "probabilities": [0.25, 0.75], "score": [1.0]},
        {"prediction": "é", "probabilities": [1.0, 0.0], "score": [2.0]},
    ]


def test_ndjson_tells_why_a_row_has_no_answer() -> None:
    found = fragment(SEVERAL, np.array([["x", 1], ["y", 2]], dtype=object))

    error = {"row": 1, "feature": "a", "reason": "must be a number, not a string"}
    assert lines_of(write_ndjson(found, GAPS)) == [
        {"prediction": ["x", 1]},
        {"prediction": None, "error": error},
        {"prediction": ["y", 2]},
    ]


def test_json_has_null_for_a_row_without_an_answer() -> None:
    found = fragment(LABELS, ["no", "no"], np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0.1, 0.2]))

    assert json.loads(b"{" + with_gaps(found, GAPS) + b"}") == {
        "predictions": ["no", None, "no"],
        "probabilities": [[0.5, 0.5], None, [1.0, 0.0]],
        "classes": ["no", 'yes, "so"'],
        "scores": [0.1, None, 0.2],
        "errors": [{"row": 1, "feature": "a", "reason": "must be a number, not a string"}],
    }


@pytest.mark.parametrize("contract", [LABELS, SEVERAL], ids=["one target", "several"])
def test_an_answer_without_rows_has_the_columns_of_any_other(contract: Any) -> None:
    wish = Wish(probabilities=True)
    gaps = Gaps(1, [], [FieldError(0, None, "is empty")])

    found = without_rows(contract, wish)

    names, cells = csv_of(write_csv(contract, found, gaps))
    assert len(names) > 3
    assert cells == [*[""] * (len(names) - 1), "row 0: is empty"]
    assert lines_of(write_ndjson(found, gaps))[0]["prediction"] is None
    assert json.loads(b"{" + with_gaps(found, gaps) + b"}")["predictions"] == [None]
