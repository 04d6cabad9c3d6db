from __future__ import annotations

import json
from typing import Any

import pytest

from app.api.schemas import answer_examples, answer_schema, request_examples, request_schema
from app.domain.contract import Contract, Feature, GoldenRows, Missing, Outputs, Value
from app.settings.schema import InputValidation, Model
from test.builders import a_contract

LIMITS = Model(max_rows=7, input_validation=InputValidation(min_value=-10, max_value=10))


def _rows(contract: Contract | None, limits: Model = LIMITS) -> tuple[Any, Any]:
    arrays, objects = request_schema(contract, limits)["properties"]["data"]["anyOf"]
    assert (arrays["minItems"], arrays["maxItems"]) == (1, limits.max_rows)
    return arrays["items"], objects["items"]


def test_rows_have_the_features_of_the_contract() -> None:
    as_array, as_object = _rows(a_contract(Feature(name="b"), Feature(name="a")))

    assert (as_array["minItems"], as_array["maxItems"]) == (2, 2)
    assert '["b", "a"]' in as_array["description"]
    assert as_object["required"] == ["b", "a"]
    assert as_object["additionalProperties"] is False


def test_the_tighter_bound_is_shown() -> None:
    features = (
        Feature(name="loose", minimum=-99, maximum=99),
        Feature(name="tight", minimum=-1, maximum=2),
    )
    _, as_object = _rows(a_contract(*features))

    bounds = [(v["minimum"], v["maximum"]) for v in as_object["properties"].values()]
    assert bounds == [(-10, 10), (-1, 2)]


def test_null_is_for_features_that_may_be_missing() -> None:
    refused = Feature(name="a", missing=Missing(policy="refuse"))
    passed = Feature(name="b", missing=Missing(policy="pass"))

    as_array, as_object = _rows(a_contract(refused, passed))
    assert [v.get("nullable") for v in as_object["properties"].values()] == [None, True]
    assert as_array["items"]["nullable"] is True
    as_array, _ = _rows(a_contract(refused))
    assert "nullable" not in as_array["items"]
    assert "missing" not in request_examples(a_contract(refused, passed))
    assert "missing" in request_examples(a_contract(passed, refused))


def test_kinds_become_types() -> None:
    features = (Feature(name="n", kind="int"), Feature(name="yes", kind="bool"), Feature(name="x"))
    as_array, as_object = _rows(a_contract(*features))

    types = [value["type"] for value in as_object["properties"].values()]
    assert types == ["integer", "boolean", "number"]
    assert [one["type"] for one in as_array["items"]["anyOf"]] == ["number", "boolean"]


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

    assert one == {"enum": list(classes), "type": kind}


def test_classes_of_several_types_have_no_type() -> None:
    contract = a_contract(task="classification", outputs=Outputs(classes=("a", 1)))

    assert answer_schema(contract)["properties"]["predictions"]["items"] == {"enum": ["a", 1]}


def test_a_regression_says_its_unit() -> None:
    contract = a_contract(outputs=Outputs(unit="mg/dl"))

    items = answer_schema(contract)["properties"]["predictions"]["items"]
    assert items == {"type": "number", "description": 'In `"mg/dl"`.'}


def test_a_name_from_a_file_stays_text() -> None:
    name = "a` <img src=x> \n\n![b](//evil)`"
    as_array, _ = _rows(a_contract(Feature(name=name)))

    before, code, after = as_array["description"].split("`")
    assert (before, after) == ("Values in this order: ", "")
    assert "\n" not in code
    assert json.loads(code) == [name]


def test_an_example_comes_from_the_golden_rows() -> None:
    golden = GoldenRows(
        inputs=((1.0, 2.0), (3.0, 4.0)),
        predictions=("yes", "no"),
        probabilities=((0.1, 0.9), (0.8, 0.2)),
    )
    outputs = Outputs(classes=("no", "yes"), has_probabilities=True)
    contract = a_contract(task="classification", outputs=outputs, golden=golden)

    bodies = {name: e["value"] for name, e in request_examples(contract).items()}
    assert bodies == {
        "arrays": {"data": [[1.0, 2.0]]},
        "objects": {"data": [{"a": 1.0, "b": 2.0}]},
        "probabilities": {"data": [[1.0, 2.0]], "probabilities": True},
        "missing": {"data": [[1.0, 2.0], [None, 2.0]]},
    }
    answers = {name: e["value"] for name, e in answer_examples(contract, "id").items()}
    assert list(answers) == ["arrays", "probabilities"]
    assert answers["arrays"]["predictions"] == ["yes"]
    assert answers["probabilities"]["probabilities"] == [(0.1, 0.9)]
    assert answers["probabilities"]["classes"] == ("no", "yes")


def test_an_answer_that_nobody_knows_is_not_made_up() -> None:
    assert answer_examples(a_contract(), "id") == {}
    assert list(request_examples(a_contract())) == ["arrays", "objects", "missing"]


def test_without_a_contract_rows_are_lists_or_objects() -> None:
    as_array, as_object = _rows(None)

    assert (as_array["type"], as_object["type"]) == ("array", "object")
    assert request_examples(None) == answer_examples(None, "id") == {}
    assert answer_schema(None)["properties"]["predictions"]["items"] == {}
