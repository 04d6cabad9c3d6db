"""What one model answers, as an OpenAPI 3.0 schema made from its contract, and examples of it."""

from __future__ import annotations

from typing import Any, Final

from app.api.schemas import Schema, code, one_of, or_null
from app.domain.contract import Contract, Value

_SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_FAULT: Final[Schema] = {"$ref": "#/components/schemas/Fault"}
_FEATURES: Final[Schema] = {
    "type": "object",
    "description": "Only of entities: what their features were looked up in, and how old it is.",
    "required": ["generation", "as_of", "age_seconds"],
    "properties": {
        "generation": {"type": "integer"},
        "as_of": {"type": "string", "format": "date-time"},
        "age_seconds": {"type": "number", "minimum": 0},
    },
}
_VALUES: Final = "One for each target: "


def answer_schema(contract: Contract | None) -> Schema:
    """Return what a prediction answer holds."""
    properties: dict[str, Schema] = {
        "predictions": _list(
            or_null(_prediction(contract)),
            "One a row, in their order; null only for a row that on_error=skip has left out.",
        ),
        "model": {
            "type": "object",
            "required": ["name", "version"],
            "properties": {"name": {"type": "string"}, "version": {"type": "string"}},
        },
        "request_id": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
    }
    required = list(properties)
    properties |= _targets(contract) | _probabilities(contract) | _scores(contract)
    properties["features"] = _FEATURES
    properties["errors"] = _list(_FAULT, "Only with on_error=skip: what is wrong with which row.")
    return {"type": "object", "required": required, "properties": properties}


def answer_examples(contract: Contract | None, request_id: str) -> dict[str, Any]:
    """Return what the model answers to the examples of a request, as far as it is known."""
    if contract is None or not contract.golden.predictions:
        return {}
    rest = {
        "model": {"name": contract.name, "version": contract.version},
        "request_id": request_id,
        "timestamp": "2026-01-31T12:00:00Z",
    }
    labels = {"predictions": [_shown(contract.golden.predictions[0])]}
    examples = {"plain": {"summary": "Predictions", "value": labels | _names(contract) | rest}}
    shares = _example_shares(contract)
    if shares:
        value = labels | shares | rest
        examples["probabilities"] = {"summary": "With probabilities", "value": value}
    return examples


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _prediction(contract: Contract | None) -> Schema:
    if contract is None:
        return {}
    outputs = contract.outputs
    if outputs.targets:
        n_targets = len(outputs.targets)
        kinds = [one_of(it.classes) if it.classes else {"type": "number"} for it in outputs.targets]
        distinct = [kind for at, kind in enumerate(kinds) if kind not in kinds[:at]]
        items = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
        names = code([target.name for target in outputs.targets])
        return {
            **_list(items, f"{_VALUES}{names}"),
            "minItems": n_targets,
            "maxItems": n_targets,
        }
    if outputs.classes is not None:
        return one_of(outputs.classes)
    if contract.task == "outlier-detection":
        return {"type": "integer", "enum": [1, -1], "description": "-1 is an outlier."}
    return {"type": "number"} | (
        {"description": f"In {code(outputs.unit)}."} if outputs.unit else {}
    )


def _targets(contract: Contract | None) -> dict[str, Schema]:
    if contract is not None and not contract.outputs.targets:
        return {}
    names = _list({"type": "string"}, "Of a model with several: the order of each prediction.")
    return {"targets": names}


def _probabilities(contract: Contract | None) -> dict[str, Schema]:
    if contract is None:
        anything: Schema = {"type": "array", "items": {}}
        return {"probabilities": anything, "classes": anything}
    outputs = contract.outputs
    if not outputs.has_probabilities:
        return {}
    row, classes = _list(_SHARE, "One a class."), one_of(outputs.classes or ())
    if outputs.targets:
        row, classes = _list(row, "One a target."), {"type": "array", "items": {}}
    return {
        "probabilities": _list(or_null(row), "Only when asked for: of each row."),
        "classes": _list(classes, "Only with probabilities: their order."),
    }


def _scores(contract: Contract | None) -> dict[str, Schema]:
    if contract is not None and not contract.outputs.has_scores:
        return {}
    number: Schema = {"type": "number"}
    row: Schema = {"anyOf": [or_null(number), {"type": "array", "items": number}]}
    return {"scores": _list(row, "Only when asked for: of the decision function, of each row.")}


def _names(contract: Contract) -> dict[str, Any]:
    targets = contract.outputs.targets
    return {"targets": [target.name for target in targets]} if targets else {}


def _shown(prediction: Value | tuple[Value, ...]) -> Any:
    return list(prediction) if isinstance(prediction, tuple) else prediction


def _example_shares(contract: Contract) -> dict[str, Any]:
    """Return the members about probabilities in the answer to the first golden row."""
    golden, outputs = contract.golden, contract.outputs
    if not (outputs.has_probabilities and golden.probabilities):
        return {}
    first = golden.probabilities[0]
    if not outputs.targets:
        return {"probabilities": [list(first)], "classes": list(outputs.classes or ())}
    shares = [list(share) for share in first if isinstance(share, tuple)]
    classes = [list(target.classes or ()) for target in outputs.targets]
    return {"targets": _names(contract)["targets"], "probabilities": [shares], "classes": classes}
