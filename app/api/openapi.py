"""The OpenAPI document: ``openapi.yaml``, the views' docstrings, the contract, the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from app.api.schemas import (
    answer_examples,
    answer_schema,
    request_examples,
    request_schema,
)
from app.domain.contract import Contract
from app.domain.rates import Admission, parse_rates
from app.errors import (
    AuditDownError,
    AuthenticationRequiredError,
    BodyMalformedError,
    BodyTooLargeError,
    FieldError,
    InputInvalidError,
    KeysUnavailableError,
    LimitStoreDownError,
    MediaTypeUnsupportedError,
    ModelNotReadyError,
    ModelUnknownError,
    NotAcceptableError,
    PermissionMissingError,
    RateLimitedError,
    RequestError,
    RevocationInvalidError,
    SettingsRefusedError,
    TokenInvalidError,
)
from app.gate.admission import limit_headers
from app.gate.call import Answer
from app.gate.decode import ARROW
from app.gate.problems import INTERNAL, problem, problem_of
from app.settings.schema import Settings

_BASE: Final[dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
_REQUEST_ID: Final = "5f0c7c1e2b9d4a86a3e1d7f405b6c982"
_PATH: Final = "/api/v1/predict"
_REVOCATIONS: Final = {
    "token": {"summary": "One token", "value": {"jti": "4f1c0f3a"}},
    "subject": {"summary": "What a subject was issued", "value": {"subject": "alice"}},
    "everyone": {"summary": "All that was issued", "value": {"everyone": True}},
}
_ARROW_ROWS: Final = {ARROW: {"schema": {"$ref": "#/components/schemas/ArrowRows"}}}
_LIMIT_HEADERS: Final = ("RateLimit-Policy", "RateLimit")


@dataclass(frozen=True, slots=True)
class Door:
    """How one operation is reached: by which name, and whether it asks for a token."""

    name: str
    is_guarded: bool


def document(
    paths: Mapping[str, Mapping[str, Any]],
    doors: Mapping[tuple[str, str], Door],
    *,
    version: str,
    contract: Contract | None,
    settings: Settings,
) -> dict[str, Any]:
    """Return the whole document.

    Args:
        paths: what the views' docstrings say, by path and lower-case method.
        doors: the doors to them, by the same.
        version: version of the gateway.
        contract: of the model in service; None when there is none.
        settings: bounds and limits that the document names.
    """
    return {
        **_BASE,
        "info": _BASE["info"] | {"version": version},
        "paths": {
            path: {
                method: _operation(operation, doors[path, method], settings)
                for method, operation in operations.items()
            }
            for path, operations in {**paths, **_BASE["paths"]}.items()
        },
        "components": _components(contract, settings),
    }


def _components(contract: Contract | None, settings: Settings) -> dict[str, Any]:
    return {
        **_BASE["components"],
        "parameters": {"ModelName": _model_name(contract), "ModelVersion": _MODEL_VERSION},
        "requestBodies": {
            "Predict": _json_body("PredictRequest", request_examples(contract), _ARROW_ROWS),
            "Revocation": _json_body("RevocationRequest", _REVOCATIONS),
        },
        "responses": {"Prediction": _prediction(contract), **_problems(contract, settings)},
        "schemas": {
            "PredictRequest": request_schema(contract, settings.model),
            "PredictAnswer": answer_schema(contract),
            **_BASE["components"]["schemas"],
        },
    }


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


def _model_name(contract: Contract | None) -> dict[str, Any]:
    example = {"example": contract.name} if contract else {}
    return {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}} | example


def _json_body(
    schema: str, examples: Mapping[str, Any], others: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    content = {"application/json": _media(schema, examples), **(others or {})}
    return {"required": True, "content": content}


def _prediction(contract: Contract | None) -> dict[str, Any]:
    named = ("X-Request-ID", "X-Model-Version", "X-Cache", *_LIMIT_HEADERS, "Server-Timing")
    media = _media("PredictAnswer", answer_examples(contract, _REQUEST_ID))
    return {
        "description": "One prediction a row, in the order of the rows.",
        "headers": _headers(named),
        "content": {"application/json": media, ARROW: _media("ArrowScores", {})},
    }


def _problems(contract: Contract | None, settings: Settings) -> dict[str, Any]:
    """Return a response for each status, its examples written by the gate itself."""
    refusals = _refusals(contract, settings)
    answers = [problem_of(error, path=_PATH, request_id=_REQUEST_ID) for error in refusals]
    answers.append(problem(INTERNAL, detail=None, path=_PATH, request_id=_REQUEST_ID))
    by_status: dict[str, list[Answer]] = {}
    for answer in answers:
        by_status.setdefault(str(answer.status), []).append(answer)
    return {status: _problem(alike) for status, alike in by_status.items()}


def _refusals(contract: Contract | None, settings: Settings) -> Sequence[RequestError]:
    feature = contract.feature_names[0] if contract else None
    rates = parse_rates(settings.rate_limit)
    spent = Admission(allowed=False, rate=rates[0], remaining=0, reset_seconds=30)
    return (
        InputInvalidError([FieldError(0, feature, "must be a number or null, not a string")]),
        BodyMalformedError("The body must be an object with 'data', a list of rows."),
        AuthenticationRequiredError("Send 'Authorization: Bearer <token>'."),
        TokenInvalidError("signature"),
        PermissionMissingError("This needs a grant of 'predict' on 'diabetes'."),
        ModelUnknownError("No model of this name is served here."),
        NotAcceptableError(f"The answer is application/json or {ARROW}; let Accept take one."),
        BodyTooLargeError(f"More than {settings.model.max_rows} rows."),
        MediaTypeUnsupportedError(
            f"Send 'Content-Type: application/json', in UTF-8, or '{ARROW}'."
        ),
        RateLimitedError(spent.reset_seconds, limit_headers(spent, rates)),
        ModelNotReadyError("No good version of the model is loaded."),
        LimitStoreDownError("The rate limit cannot be counted now."),
        AuditDownError("The audit log cannot be written now."),
        KeysUnavailableError("No key of the issuer is known yet."),
        RevocationInvalidError("'issued_before' must be a number: seconds since the epoch."),
        SettingsRefusedError("the settings are refused (APP_ENV=dev): …"),
    )


def _problem(answers: Sequence[Answer]) -> dict[str, Any]:
    bodies = [orjson.loads(answer.body) for answer in answers]
    examples = {
        body["type"].rpartition(":")[2]: {"summary": body["detail"], "value": body}
        for body in bodies
    }
    names = [name for name, _ in answers[0].headers if name != "Content-Type"]
    return {
        "description": " ".join(dict.fromkeys(f"{body['error']}." for body in bodies)),
        "headers": _headers(("X-Request-ID", *names)),
        "content": {"application/problem+json": _media("Problem", examples)},
    }


def _media(schema: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": _ref("schemas", schema)} | ({"examples": examples} if examples else {})


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {name: _ref("headers", name) for name in names}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
