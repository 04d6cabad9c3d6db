from __future__ import annotations

from typing import Any

import jsonschema
import orjson
import pytest

from app.domain.contract import Feature, Missing
from app.domain.prediction import ServedModel
from app.lifecycle.streams.messages import Fault, answered
from app.lifecycle.streams.schema import message_schema
from app.settings.schema import InputValidation
from test.builders import a_contract

BOUNDS = InputValidation()
NAMED = {"age": 2, "member": True, "town": "Bern"}
MESSAGES: dict[str, Any] = {
    "by name": {"features": NAMED},
    "by place": {"features": [2, True, "Bern"], "id": 7, "more": [1]},
    "a gap": {"features": [None, 0, "Bern"]},
    "beyond": {"features": NAMED | {"age": 1e7}},
    "another town": {"features": NAMED | {"town": "Rome"}},
    "no town": {"features": NAMED | {"town": None}},
    "too few": {"features": [2, True]},
    "too many": {"features": [2, True, "Bern", 1]},
    "unknown": {"features": NAMED | {"x": 1}},
    "absent": {"features": {"age": 2}},
    "half true": {"features": NAMED | {"member": 0.5}},
    "nothing": {"id": 1},
    "an array": [2, True, "Bern"],
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_the_schema_takes_what_is_scored_and_nothing_else(
    people: ServedModel, message: Any
) -> None:
    [found] = answered(people, [orjson.dumps(message)])
    schema = message_schema(people.contract, BOUNDS)

    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(message) is not isinstance(found, Fault)


def test_the_schema_is_one_and_its_example_keeps_it(people: ServedModel) -> None:
    schema = message_schema(people.contract, BOUNDS)

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(schema["examples"][0], schema)


def test_a_text_may_stand_alone(texts: ServedModel) -> None:
    schema = message_schema(texts.contract, BOUNDS)

    jsonschema.validate({"features": "good day"}, schema)


def test_a_number_that_may_not_be_missing_takes_no_null() -> None:
    contract = a_contract(Feature(name="n", kind="int", missing=Missing(policy="refuse")))

    found = message_schema(contract, BOUNDS)["properties"]["features"]["anyOf"][1]

    assert found["properties"]["n"]["type"] == "integer"


def test_the_tighter_bound_of_contract_and_settings_counts() -> None:
    contract = a_contract(Feature(name="n", minimum=0, maximum=1e9))

    found = message_schema(contract, BOUNDS)["properties"]["features"]["anyOf"][1]

    assert found["properties"]["n"] | {"type": 0} == {"type": 0, "minimum": 0, "maximum": 1e6}
