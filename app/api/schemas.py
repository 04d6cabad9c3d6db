"""What one model takes, as OpenAPI 3.0 schemas made from its contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from app.domain.contract import NUMBERS, Contract, Feature, Value
from app.domain.words import MAX_CHARACTERS
from app.gate.entities import LONGEST_NAME
from app.settings.schema import Model

Schema = dict[str, Any]
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_SHOWN: Final = 20  # categories, where others are taken too
ON_ERROR: Final[Schema] = {
    "type": "string",
    "enum": ["fail", "skip"],
    "default": "fail",
    "description": "skip answers null for a row that is wrong, and says why; fail refuses all.",
}


def request_schema(contract: Contract | None, limits: Model, *, by_entity: bool = False) -> Schema:
    """Return what a prediction request holds; without a contract the rows stay undescribed.

    *by_entity* says whether the feature store has the features, so that names do instead of rows.
    """
    outputs = contract.outputs if contract else None
    properties: dict[str, Schema] = {"data": {"anyOf": _tables(contract, limits)}}
    if outputs is None or outputs.has_probabilities:
        properties["probabilities"] = _asked("Ask for the probability of each class too.")
    if outputs is None or outputs.has_scores:
        properties["scores"] = _asked("Ask for the values of the decision function too.")
    properties["on_error"] = ON_ERROR
    if by_entity:
        properties["entities"] = _entities(limits)
    rows = [{"required": ["data"]}, {"required": ["entities"]}]
    return {
        "type": "object",
        **({"oneOf": rows} if by_entity else rows[0]),
        "additionalProperties": False,
        "properties": properties,
    }


def one_of(classes: Sequence[Value]) -> Schema:
    """Return the schema of a value that is one of *classes*."""
    kinds = {type(value) for value in classes}
    schema: Schema = {"enum": list(classes)}
    if len(kinds) == 1 and kinds <= _TYPES.keys():
        schema["type"] = _TYPES[kinds.pop()]
    return schema


def or_null(schema: Schema) -> Schema:
    """Return *schema* so that null fits too; in OpenAPI 3.0 an enum must name it."""
    taken = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | taken | ({"nullable": True} if "type" in schema else {})


def takes_null(feature: Feature) -> bool:
    """Say whether a value of *feature* may be missing."""
    if feature.missing is None:
        return feature.kind in NUMBERS
    return feature.missing.policy != "refuse"


def code(text: object) -> str:
    """Return *text* so that Markdown shows it letter by letter: names come from people's files."""
    quoted = json.dumps(text, ensure_ascii=False).replace("`", "\\u0060")
    return f"`{quoted}`"


def _entities(limits: Model) -> Schema:
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": limits.max_rows,
        "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
        "description": "Instead of data: names whose features the feature store has.",
    }


def _asked(description: str) -> Schema:
    return {"type": "boolean", "default": False, "description": description}


def _tables(contract: Contract | None, limits: Model) -> list[Schema]:
    """Return the three ways to write rows; one request holds rows of one way."""
    size = {"minItems": 1, "maxItems": limits.max_rows}
    if contract is None:
        row: Schema = {"anyOf": [{"type": "array", "items": {}}, {"type": "object"}]}
        columns: Schema = {"type": "object", "additionalProperties": {"type": "array", "items": {}}}
        return [{"type": "array", **size, "items": row}, columns]
    values = {feature.name: _value(feature, limits) for feature in contract.features}
    rows = [_row_as_array(contract, limits), _by_name(values)]
    columns = _by_name(
        {name: {"type": "array", **size, "items": it} for name, it in values.items()}
    )
    columns["description"] = "Columns, all of one length."
    return [*({"type": "array", **size, "items": row} for row in rows), columns]


def _row_as_array(contract: Contract, limits: Model) -> Schema:
    """OpenAPI 3.0 has one schema for all items of an array: it takes what any feature takes."""
    kinds = {feature.kind for feature in contract.features}
    number: Schema = {"type": "number", **_bounds(None, limits)}
    any_of: list[Schema] = [number] if kinds & NUMBERS else []
    if "bool" in kinds:
        any_of.append({"type": "boolean"})
    if not kinds <= NUMBERS:
        any_of.append({"type": "string", "maxLength": MAX_CHARACTERS})
    if any(takes_null(feature) for feature in contract.features):
        any_of[0]["nullable"] = True
    size = len(contract.features)
    return {
        "type": "array",
        "minItems": size,
        "maxItems": size,
        "items": any_of[0] if len(any_of) == 1 else {"anyOf": any_of},
        "description": f"Values in this order: {code(contract.feature_names)}",
    }


def _by_name(properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _value(feature: Feature, limits: Model) -> Schema:
    schema: Schema
    if feature.kind == "bool":
        schema = {"type": "boolean"}
    elif feature.kind in NUMBERS:
        kind = "integer" if feature.kind == "int" else "number"
        schema = {"type": kind, **_bounds(feature, limits)}
    else:
        schema = {"type": "string", **_words(feature)}
    return or_null(schema) if takes_null(feature) else schema


def _words(feature: Feature) -> Schema:
    """Return the only strings that are taken, or any, with some that training has seen."""
    if not feature.categories:
        return {"maxLength": MAX_CHARACTERS}
    if feature.unknown == "refuse":
        return {"enum": list(feature.categories)}
    seen = code(feature.categories[:_SHOWN])
    return {"maxLength": MAX_CHARACTERS, "description": f"Such as {seen}. Others are counted."}


def _bounds(feature: Feature | None, limits: Model) -> Schema:
    """Return the tighter bounds of contract and settings."""
    low, high = limits.input_validation.min_value, limits.input_validation.max_value
    if feature is not None and feature.minimum is not None:
        low = max(low, feature.minimum)
    if feature is not None and feature.maximum is not None:
        high = min(high, feature.maximum)
    return {"minimum": low, "maximum": high}
