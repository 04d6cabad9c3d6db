"""Rows and predictions as OpenAPI 3.0 schemas, made from the contract of the model in service."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.domain.contract import Contract, Feature, Value
from app.settings.schema import Model

Schema = dict[str, Any]
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def request_schema(contract: Contract | None, limits: Model) -> Schema:
    """Return what a prediction request holds; without a contract the rows stay undescribed."""
    properties: dict[str, Schema] = {"data": {"anyOf": _tables(contract, limits)}}
    if contract is not None and contract.outputs.has_probabilities:
        properties["probabilities"] = {
            "type": "boolean",
            "default": False,
            "description": "Ask for the probability of each class too.",
        }
    return {
        "type": "object",
        "required": ["data"],
        "additionalProperties": False,
        "properties": properties,
    }


def request_examples(contract: Contract | None) -> dict[str, Any]:
    """Return bodies that the model takes, the plainest first."""
    if contract is None:
        return {}
    row = list(contract.example_row)
    by_name = dict(zip(contract.feature_names, row, strict=True))
    examples = {
        "arrays": _example("Rows as arrays", {"data": [row]}),
        "objects": _example("Rows as objects", {"data": [by_name]}),
    }
    if contract.outputs.has_probabilities:
        asked = {"data": [row], "probabilities": True}
        examples["probabilities"] = _example("With probabilities", asked)
    if _takes_null(contract.features[0]):
        gap = {"data": [row, [None, *row[1:]]]}
        examples["missing"] = _example("Two rows, one with a missing value", gap)
    return examples


def answer_schema(contract: Contract | None) -> Schema:
    """Return what a prediction answer holds."""
    one = _prediction(contract)
    properties: dict[str, Schema] = {
        "predictions": {"type": "array", "items": one, "description": "One a row, in their order."},
        "model": {
            "type": "object",
            "required": ["name", "version"],
            "properties": {"name": {"type": "string"}, "version": {"type": "string"}},
        },
        "request_id": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
    }
    required = list(properties)
    if contract is not None and contract.outputs.has_probabilities:
        share = {"type": "number", "minimum": 0, "maximum": 1}
        properties["probabilities"] = {
            "type": "array",
            "items": {"type": "array", "items": share},
            "description": "Only when asked for: of each row, one a class.",
        }
        properties["classes"] = {
            "type": "array",
            "items": one,
            "description": "Only with probabilities: the order they are in.",
        }
    return {"type": "object", "required": required, "properties": properties}


def answer_examples(contract: Contract | None, request_id: str) -> dict[str, Any]:
    """Return what the model answers to the examples of a request, as far as it is known."""
    if contract is None or not contract.golden.predictions:
        return {}
    golden, outputs = contract.golden, contract.outputs
    rest = {
        "model": {"name": contract.name, "version": contract.version},
        "request_id": request_id,
        "timestamp": "2026-01-31T12:00:00Z",
    }
    labels = {"predictions": list(golden.predictions[:1])}
    examples = {"arrays": _example("To rows as arrays or objects", labels | rest)}
    if outputs.has_probabilities and golden.probabilities and outputs.classes:
        shares = {"probabilities": [golden.probabilities[0]], "classes": outputs.classes}
        examples["probabilities"] = _example("With probabilities", labels | shares | rest)
    return examples


def _example(summary: str, value: object) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _tables(contract: Contract | None, limits: Model) -> list[Schema]:
    """Return the two ways to write rows; one request holds rows of one way."""
    rows: list[Schema] = [{"type": "array", "items": {}}, {"type": "object"}]
    if contract is not None:
        rows = [_row_as_array(contract, limits), _row_as_object(contract, limits)]
    size = {"minItems": 1, "maxItems": limits.max_rows}
    return [{"type": "array", **size, "items": row} for row in rows]


def _row_as_array(contract: Contract, limits: Model) -> Schema:
    """OpenAPI 3.0 has one schema for all items of an array: it takes what any feature takes."""
    number: Schema = {"type": "number", **_bounds(None, limits)}
    if any(_takes_null(feature) for feature in contract.features):
        number["nullable"] = True
    has_booleans = any(feature.kind == "bool" for feature in contract.features)
    size = len(contract.features)
    return {
        "type": "array",
        "minItems": size,
        "maxItems": size,
        "items": {"anyOf": [number, {"type": "boolean"}]} if has_booleans else number,
        "description": f"Values in this order: {_code(contract.feature_names)}",
    }


def _row_as_object(contract: Contract, limits: Model) -> Schema:
    return {
        "type": "object",
        "required": list(contract.feature_names),
        "additionalProperties": False,
        "properties": {feature.name: _value(feature, limits) for feature in contract.features},
    }


def _value(feature: Feature, limits: Model) -> Schema:
    if feature.kind == "bool":
        schema: Schema = {"type": "boolean"}
    else:
        kind = "integer" if feature.kind == "int" else "number"
        schema = {"type": kind, **_bounds(feature, limits)}
    return schema | ({"nullable": True} if _takes_null(feature) else {})


def _bounds(feature: Feature | None, limits: Model) -> Schema:
    """Return the tighter bounds of contract and settings."""
    low, high = limits.input_validation.min_value, limits.input_validation.max_value
    if feature is not None and feature.minimum is not None:
        low = max(low, feature.minimum)
    if feature is not None and feature.maximum is not None:
        high = min(high, feature.maximum)
    return {"minimum": low, "maximum": high}


def _takes_null(feature: Feature) -> bool:
    return feature.missing is None or feature.missing.policy != "refuse"


def _prediction(contract: Contract | None) -> Schema:
    if contract is None:
        return {}
    if contract.outputs.classes is not None:
        return _one_of(contract.outputs.classes)
    unit = contract.outputs.unit
    return {"type": "number"} | ({"description": f"In {_code(unit)}."} if unit else {})


def _one_of(classes: Sequence[Value]) -> Schema:
    kinds = {type(value) for value in classes}
    schema: Schema = {"enum": list(classes)}
    if len(kinds) == 1 and kinds <= _TYPES.keys():
        schema["type"] = _TYPES[kinds.pop()]
    return schema


def _code(text: object) -> str:
    """Return *text* so that Markdown shows it letter by letter: names come from people's files."""
    quoted = json.dumps(text, ensure_ascii=False).replace("`", "\\u0060")
    return f"`{quoted}`"
