from __future__ import annotations

import pytest

from app.api.answers import answer_examples, answer_schema
from app.domain.contract import GoldenRows, Outputs, Target, Value
from test.builders import a_contract


@pytest.mark.parametrize(
    ("classes", "kind"),
    [
        ((0, 1), "integer"),
        (("no", "yes"), "string"),
        ((False, True), "boolean"),
        ((0.5, 1.5), "number"),
    ],
)
def test_predictions_are_one_of_the_classes(classes: tuple[Value, ...], kind: str) -> None:
    contract = a_contract(task="classification", outputs=Outputs(classes=classes))
    one = answer_schema(contract)["properties"]["predictions"]["items"]

    assert one == {"enum": [*classes, None], "type": kind, "nullable": True}


def test_classes_of_several_types_have_no_type() -> None:
    contract = a_contract(task="classification", outputs=Outputs(classes=("a", 1)))

    assert answer_schema(contract)["properties"]["predictions"]["items"] == {"enum": ["a", 1, None]}


def test_a_regression_says_its_unit() -> None:
    contract = a_contract(outputs=Outputs(unit="mg/dl"))

    items = answer_schema(contract)["properties"]["predictions"]["items"]
    assert items == {"type": "number", "description": 'In `"mg/dl"`.', "nullable": True}


def test_an_outlier_detector_answers_one_or_minus_one() -> None:
    contract = a_contract(task="outlier-detection", outputs=Outputs(has_scores=True))
    properties = answer_schema(contract)["properties"]

    assert properties["predictions"]["items"]["enum"] == [1, -1, None]
    assert "scores" in properties
    assert "probabilities" not in properties


def test_several_targets_are_answered_side_by_side() -> None:
    targets = (Target(name="left", classes=(0, 1)), Target(name="right", classes=("a", "b")))
    outputs = Outputs(targets=targets, has_probabilities=True)
    properties = answer_schema(a_contract(task="classification", outputs=outputs))["properties"]

    one = properties["predictions"]["items"]
    assert (one["minItems"], one["maxItems"], one["nullable"]) == (2, 2, True)
    assert [kind["enum"] for kind in one["items"]["anyOf"]] == [[0, 1], ["a", "b"]]
    assert '["left", "right"]' in one["description"]
    assert properties["targets"]["items"] == {"type": "string"}
    of_a_row = properties["probabilities"]["items"]
    assert of_a_row["items"]["items"]["maximum"] == 1


def test_an_example_comes_from_the_golden_rows() -> None:
    golden = GoldenRows(
        inputs=((1.0, 2.0), (3.0, 4.0)),
        predictions=("yes", "no"),
        probabilities=((0.1, 0.9), (0.8, 0.2)),
    )
    outputs = Outputs(classes=("no", "yes"), has_probabilities=True)
    contract = a_contract(task="classification", outputs=outputs, golden=golden)

    answers = {name: e["value"] for name, e in answer_examples(contract, "id").items()}

    assert list(answers) == ["plain", "probabilities"]
    assert answers["plain"]["predictions"] == ["yes"]
    assert answers["probabilities"]["probabilities"] == [[0.1, 0.9]]
    assert answers["probabilities"]["classes"] == ["no", "yes"]


def test_an_answer_that_nobody_knows_is_not_made_up() -> None:
    assert answer_examples(a_contract(), "id") == answer_examples(None, "id") == {}
    assert answer_schema(None)["properties"]["predictions"]["items"] == {}
