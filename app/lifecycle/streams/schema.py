"""What a message for one model holds, as JSON Schema made from its contract."""

from __future__ import annotations

from typing import Any, Final

from app.domain.contract import NUMBERS, Contract, Feature
from app.domain.words import MAX_CHARACTERS
from app.settings.schema import InputValidation

Schema = dict[str, Any]
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def message_schema(contract: Contract, bounds: InputValidation) -> Schema:
    """Return the schema of a message: features by place or by name, and whatever comes back.

    Args:
        contract: of the model.
        bounds: of every number, besides the contract's own.
    """
    values = {feature.name: _value(feature, bounds) for feature in contract.features}
    size = len(values)
    forms: list[Schema] = [
        {"type": "array", "prefixItems": [*values.values()], "minItems": size, "items": False},
        {
            "type": "object",
            "required": [*values],
            "properties": values,
            "additionalProperties": False,
        },
    ]
    if contract.input == "texts":
        forms.append(next(iter(values.values())))
    return {
        "$schema": _DRAFT,
        "title": f"A message for {contract.name} {contract.version}",
        "type": "object",
        "required": ["features"],
        "properties": {
            "features": {"anyOf": forms},
            "id": {"description": "Comes back as it is."},
        },
        "additionalProperties": {"description": "Comes back under 'context'."},
        "examples": [{"features": [*contract.example_row], "id": "7"}],
    }


def _value(feature: Feature, bounds: InputValidation) -> Schema:
    schema: Schema
    if feature.kind in NUMBERS:
        schema = {"type": "integer" if feature.kind == "int" else "number"}
        schema |= _tighter(feature, bounds)
    elif feature.categories and feature.unknown == "refuse":
        schema = {"type": "string", "enum": [*feature.categories]}
    else:
        schema = {"type": "string", "maxLength": MAX_CHARACTERS}
    if feature.kind == "bool":
        schema = {"enum": [True, False, 0, 1]}
    return _or_null(schema) if _takes_null(feature) else schema


def _tighter(feature: Feature, bounds: InputValidation) -> Schema:
    low, high = bounds.min_value, bounds.max_value
    return {
        "minimum": low if feature.minimum is None else max(low, feature.minimum),
        "maximum": high if feature.maximum is None else min(high, feature.maximum),
    }


def _takes_null(feature: Feature) -> bool:
    if feature.missing is None:
        return feature.kind in NUMBERS
    return feature.missing.policy != "refuse"


def _or_null(schema: Schema) -> Schema:
    taken = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    kind = {"type": [schema["type"], "null"]} if "type" in schema else {}
    return schema | kind | taken
