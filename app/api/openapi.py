"""The shared parts of the OpenAPI document, made from the contract of the model in service."""

from __future__ import annotations

from typing import Any

from app.domain.contract import Contract, Feature

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "error", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "error": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "properties": {
                    "row": {"type": "integer", "nullable": True},
                    "feature": {"type": "string", "nullable": True},
                    "reason": {"type": "string"},
                },
            },
        },
    },
}


def components(contract: Contract | None) -> dict[str, Any]:
    """Return the ``components`` of the document; without a model the rows stay undescribed."""
    return {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        },
        "responses": {
            "Problem": {
                "description": "Why there is no result (RFC 9457).",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            }
        },
        "schemas": {
            "Problem": _PROBLEM,
            "PredictRequest": _request(contract),
            "PredictAnswer": _answer(contract),
        },
    }


def _request(contract: Contract | None) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "array", "items": {"type": "number", "nullable": True}}
    properties: dict[str, Any] = {"data": {"type": "array", "minItems": 1, "items": row}}
    schema: dict[str, Any] = {
        "type": "object",
        "required": ["data"],
        "additionalProperties": False,
        "properties": properties,
    }
    if contract is None:
        return schema
    names = contract.feature_names
    row |= {"minItems": len(names), "maxItems": len(names), "description": ", ".join(names)}
    as_object = {
        "type": "object",
        "required": list(names),
        "additionalProperties": False,
        "properties": {feature.name: _value(feature) for feature in contract.features},
    }
    properties["data"]["items"] = {"anyOf": [row, as_object]}
    if contract.outputs.has_probabilities:
        properties["probabilities"] = {"type": "boolean", "default": False}
    return schema | {"example": {"data": [list(contract.example_row)]}}


def _value(feature: Feature) -> dict[str, Any]:
    if feature.kind == "bool":
        return {"type": "boolean", "nullable": True}
    schema: dict[str, Any] = {"type": "integer" if feature.kind == "int" else "number"}
    if feature.minimum is not None:
        schema["minimum"] = feature.minimum
    if feature.maximum is not None:
        schema["maximum"] = feature.maximum
    return schema | {"nullable": True}


def _answer(contract: Contract | None) -> dict[str, Any]:
    numbers = contract is None or contract.task == "regression"
    properties: dict[str, Any] = {
        "predictions": {"type": "array", "items": {"type": "number"} if numbers else {}},
        "model": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "version": {"type": "string"}},
        },
        "request_id": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
    }
    if contract is not None and contract.outputs.has_probabilities:
        shares = {"type": "array", "items": {"type": "number"}}
        properties["probabilities"] = {"type": "array", "items": shares}
        properties["classes"] = {"type": "array", "items": {}}
    required = ["predictions", "model", "request_id", "timestamp"]
    return {"type": "object", "required": required, "properties": properties}
