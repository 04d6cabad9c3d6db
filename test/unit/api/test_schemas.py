from __future__ import annotations

import json
from typing import Any

from app.api.schemas import request_schema
from app.domain.contract import Contract, Feature, Missing
from app.settings.schema import InputValidation, Model
from test.builders import a_contract

LIMITS = Model(max_rows=7, input_validation=InputValidation(min_value=-10, max_value=10))


def _ways(contract: Contract | None, limits: Model = LIMITS) -> Any:
    return request_schema(contract, limits)["properties"]["data"]["anyOf"]


def _rows(contract: Contract | None, limits: Model = LIMITS) -> tuple[Any, Any]:
    arrays, objects, _ = _ways(contract, limits)
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


def test_kinds_become_types() -> None:
    features = (Feature(name="n", kind="int"), Feature(name="yes", kind="bool"), Feature(name="x"))
    as_array, as_object = _rows(a_contract(*features))

    types = [value["type"] for value in as_object["properties"].values()]
    assert types == ["integer", "boolean", "number"]
    assert [one["type"] for one in as_array["items"]["anyOf"]] == ["number", "boolean"]


def test_a_name_from_a_file_stays_text() -> None:
    name = "a` <img src=x> \n\n![b](//evil)`"
    as_array, _ = _rows(a_contract(Feature(name=name)))

    before, code, after = as_array["description"].split("`")
    assert (before, after) == ("Values in this order: ", "")
    assert "\n" not in code
    assert json.loads(code) == [name]


def test_columns_are_as_long_as_rows_are_many() -> None:
    columns = _ways(a_contract(Feature(name="n", kind="int"), Feature(name="x")))[2]

    assert columns["required"] == ["n", "x"]
    assert [(it["minItems"], it["maxItems"]) for it in columns["properties"].values()] == [
        (1, 7)
    ] * 2
    assert columns["properties"]["n"]["items"]["type"] == "integer"


def test_a_category_is_one_of_those_that_are_taken() -> None:
    refuses = Feature(name="r", kind="category", categories=("x", "y"))
    gaps = refuses.model_copy(update={"name": "g", "missing": Missing(policy="pass")})
    warns = refuses.model_copy(update={"name": "w", "unknown": "warn"})
    text = Feature(name="t", kind="text")
    as_array, as_object = _rows(a_contract(refuses, gaps, warns, text))

    found = as_object["properties"]
    assert found["r"] == {"type": "string", "enum": ["x", "y"]}
    assert found["g"] == {"type": "string", "enum": ["x", "y", None], "nullable": True}
    assert "enum" not in found["w"]
    assert '["x", "y"]' in found["w"]["description"]
    assert found["t"] == {"type": "string", "maxLength": 65_536}
    assert as_array["items"] == {"type": "string", "maxLength": 65_536, "nullable": True}


def test_a_row_of_many_kinds_takes_all_of_them() -> None:
    features = (Feature(name="x"), Feature(name="b", kind="bool"), Feature(name="t", kind="text"))
    as_array, _ = _rows(a_contract(*features))

    assert [one["type"] for one in as_array["items"]["anyOf"]] == ["number", "boolean", "string"]


def test_without_a_contract_rows_and_columns_stay_undescribed() -> None:
    rows, columns = _ways(None)

    assert [row["type"] for row in rows["items"]["anyOf"]] == ["array", "object"]
    assert columns["additionalProperties"] == {"type": "array", "items": {}}
