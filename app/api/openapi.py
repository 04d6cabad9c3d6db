"""The OpenAPI document: ``openapi.yaml``, the views' docstrings, the contracts, the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from app.api.answers import answer_examples, answer_schema
from app.api.examples import csv_example, json_examples, ndjson_example
from app.api.refusals import REQUEST_ID, problems
from app.api.schemas import request_schema
from app.domain.contract import Contract
from app.gate.media import ARROW, CSV, NDJSON
from app.settings.schema import Settings

OF_THE_DEFAULT: Final = "/api/v1/predict"
OF_ANY: Final = "/api/v1/models/{name}/predict"
_BASE: Final[dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
_REVOCATIONS: Final = {
    "token": {"summary": "One token", "value": {"jti": "4f1c0f3a"}},
    "subject": {"summary": "What a subject was issued", "value": {"subject": "alice"}},
    "everyone": {"summary": "All that was issued", "value": {"everyone": True}},
}
_LIMIT_HEADERS: Final = ("RateLimit-Policy", "RateLimit")
_OF_AN_ANSWER: Final = (
    "X-Request-ID", "X-Model-Version", "X-Cache", *_LIMIT_HEADERS, "Server-Timing",
)  # fmt: skip
Operations = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Door:
    """How one operation is reached: by which name, and whether it asks for a token."""

    name: str
    is_guarded: bool


@dataclass(frozen=True, slots=True)
class Described:
    """The models that a document names concretely.

    Attributes:
        contracts: by the name of the model.
        default: name of the default model; None when it is not among them.
        by_entity: names of those whose features the feature store has.
    """

    contracts: Mapping[str, Contract]
    default: str | None = None
    by_entity: frozenset[str] = frozenset()

    @property
    def of_the_default(self) -> Contract | None:
        """Contract of the default model."""
        return self.contracts.get(self.default) if self.default else None


def document(
    paths: Mapping[str, Operations],
    doors: Mapping[tuple[str, str], Door],
    *,
    version: str,
    models: Described,
    settings: Settings,
) -> dict[str, Any]:
    """Return the whole document.

    Args:
        paths: what the views' docstrings say, by path and lower-case method.
        doors: the doors to them, by the same.
        version: version of the gateway.
        models: those in service.
        settings: bounds and limits that the document names.
    """
    described: dict[str, dict[str, Any]] = {
        path: {
            method: _operation(operation, doors[path, method], settings)
            for method, operation in operations.items()
        }
        for path, operations in {**paths, **_BASE["paths"]}.items()
    }
    if models.default is not None and models.of_the_default is not None:
        plain = described[OF_THE_DEFAULT]["post"]
        described[OF_THE_DEFAULT] = {"post": plain | _about(plain, models.default)}
    described |= _paths_of_models(described[OF_ANY]["post"], models)
    return {
        **_BASE,
        "info": _BASE["info"] | {"version": version},
        "paths": described,
        "components": _components(models, settings),
    }


def _paths_of_models(any_model: Mapping[str, Any], models: Described) -> dict[str, dict[str, Any]]:
    """Return one path for each model, made from the one that leads to any."""
    rest = {
        key: part for key, part in any_model.items() if key not in {"parameters", "description"}
    }
    return {
        OF_ANY.replace("{name}", name): {
            "post": {
                **rest,
                **_about(rest, name),
                "summary": f"Score rows with {name}.",
                "description": f"Version {contract.version}, {contract.task}.",
                "operationId": f"predict-{name}",
            }
        }
        for name, contract in models.contracts.items()
    }


def _about(operation: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what *operation* says of rows and answers, for one model."""
    answered = {"200": _ref("responses", f"Prediction.{name}")}
    return {
        "requestBody": _ref("requestBodies", f"Predict.{name}"),
        "responses": operation["responses"] | answered,
    }


def _components(models: Described, settings: Settings) -> dict[str, Any]:
    default = models.of_the_default
    parts: dict[str, dict[str, Any]] = {
        "requestBodies": {
            **_BASE["components"]["requestBodies"],
            "Revocation": _json_body("RevocationRequest", _REVOCATIONS),
        },
        "responses": _BASE["components"]["responses"] | problems(default, settings),
        "schemas": {},
    }
    for suffix, contract in (("", None), *_by_suffix(models)):
        request, answer = f"PredictRequest{suffix}", f"PredictAnswer{suffix}"
        takes = bool(models.by_entity) if contract is None else contract.name in models.by_entity
        parts["schemas"][request] = request_schema(contract, settings.model, by_entity=takes)
        parts["schemas"][answer] = answer_schema(contract)
        parts["requestBodies"][f"Predict{suffix}"] = _rows(request, contract, by_entity=takes)
        parts["responses"][f"Prediction{suffix}"] = _prediction(answer, contract)
    return {
        **_BASE["components"],
        **parts,
        "parameters": {"ModelName": _model_name(models.default), "ModelVersion": _MODEL_VERSION},
        "schemas": parts["schemas"] | _BASE["components"]["schemas"],
    }


def _by_suffix(models: Described) -> Iterator[tuple[str, Contract]]:
    for name, contract in models.contracts.items():
        yield f".{name}", contract


def _operation(operation: Mapping[str, Any], door: Door, settings: Settings) -> dict[str, Any]:
    """Add what the docstring leaves to the door: name, token, refusals and headers."""
    asks_for_token = door.is_guarded and settings.enable_auth
    statuses = [500]
    if door.is_guarded:
        statuses += [429, 503]
    if asks_for_token:
        statuses += [401, 403]
    refusals = {str(status): _ref("responses", str(status)) for status in statuses}
    headers = _headers(("X-Request-ID", *(_LIMIT_HEADERS if door.is_guarded else ())))
    own = {
        status: response if "$ref" in response else {**response, "headers": headers}
        for status, response in operation["responses"].items()
    }
    text = operation.get("description", "")
    return {
        **operation,
        **({"description": " ".join(text.split())} if text else {}),
        **({"security": [{"bearer": []}]} if asks_for_token else {}),
        "operationId": door.name,
        "responses": dict(sorted((refusals | own).items())),
    }


_MODEL_VERSION: Final = {
    "name": "version",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "1",
}


def _model_name(default: str | None) -> dict[str, Any]:
    example = {"example": default} if default else {}
    return {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}} | example


def _json_body(schema: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": _media(schema, examples)}}


def _rows(schema: str, contract: Contract | None, *, by_entity: bool) -> dict[str, Any]:
    """Return the bodies that carry rows, in every media type."""
    body = _json_body(schema, json_examples(contract, by_entity=by_entity))
    body["content"] |= {
        CSV: _media("CsvRows", _text(csv_example(contract)) if contract else {}),
        NDJSON: _media("NdjsonRows", _text(ndjson_example(contract)) if contract else {}),
        ARROW: _media("ArrowRows", {}),
    }
    return body


def _prediction(schema: str, contract: Contract | None) -> dict[str, Any]:
    return {
        "description": "One prediction a row, in the order of the rows.",
        "headers": _headers(_OF_AN_ANSWER),
        "content": {
            "application/json": _media(schema, answer_examples(contract, REQUEST_ID)),
            CSV: _media("CsvScores", {}),
            NDJSON: _media("NdjsonScores", {}),
            ARROW: _media("ArrowScores", {}),
        },
    }


def _text(value: str) -> dict[str, Any]:
    return {"row": {"summary": "One row", "value": value}}


def _media(schema: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": _ref("schemas", schema)} | ({"examples": examples} if examples else {})


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {name: _ref("headers", name) for name in names}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
