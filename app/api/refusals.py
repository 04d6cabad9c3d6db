"""Every refusal of a request as OpenAPI responses, their examples written by the gate itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from app.domain.contract import Contract
from app.domain.rates import Admission, parse_rates
from app.errors import (
    AuditDownError,
    AuthenticationRequiredError,
    BodyMalformedError,
    BodyTooLargeError,
    ChangeInvalidError,
    ChangeRefusedError,
    EntityUnknownError,
    FeaturesAbsentError,
    FeaturesTooOldError,
    FeaturesUnavailableError,
    FieldError,
    InputInvalidError,
    KeysUnavailableError,
    LimitStoreDownError,
    ModelNotReadyError,
    ModelUnknownError,
    PermissionMissingError,
    RateLimitedError,
    RequestError,
    RevocationInvalidError,
    SettingsRefusedError,
    TokenInvalidError,
)
from app.gate.admission import limit_headers
from app.gate.call import Answer, Call
from app.gate.media import type_in, type_out
from app.gate.problems import INTERNAL, problem, problem_of
from app.settings.schema import Settings

REQUEST_ID: Final = "5f0c7c1e2b9d4a86a3e1d7f405b6c982"
_PATH: Final = "/api/v1/predict"
_WITH_A_PICTURE: Final = Call(
    path=_PATH,
    address="",
    request_id=REQUEST_ID,
    authorization=None,
    content_type="image/png",
    content_encoding=None,
    accept=None,
    query="",
    read_body=lambda _: b"",
)


def problems(contract: Contract | None, settings: Settings) -> dict[str, Any]:
    """Return a response for each status, its examples written by the gate itself."""
    refusals = _refusals(contract, settings)
    answers = [problem_of(error, path=_PATH, request_id=REQUEST_ID) for error in refusals]
    answers.append(problem(INTERNAL, detail=None, path=_PATH, request_id=REQUEST_ID))
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
        EntityUnknownError([FieldError(0, None, "is not in the feature store (entity 'eve')")]),
        FeaturesAbsentError("The feature store has no 'age'."),
        FeaturesUnavailableError("No features have been materialised yet."),
        FeaturesTooOldError("The features are 90000 seconds old; at most 86400 are allowed."),
        AuthenticationRequiredError("Send 'Authorization: Bearer <token>'."),
        TokenInvalidError("signature"),
        PermissionMissingError("This needs a grant of 'predict' on 'diabetes'."),
        ModelUnknownError("No model of this name is served here."),
        _said(lambda: type_out("text/html")),
        BodyTooLargeError(f"More than {settings.model.max_rows} rows."),
        _said(lambda: type_in(_WITH_A_PICTURE)),
        RateLimitedError(spent.reset_seconds, limit_headers(spent, rates)),
        ModelNotReadyError("No good version of the model is loaded."),
        LimitStoreDownError("The rate limit cannot be counted now."),
        AuditDownError("The audit log cannot be written now."),
        KeysUnavailableError("No key of the issuer is known yet."),
        RevocationInvalidError("'issued_before' must be a number: seconds since the epoch."),
        ChangeInvalidError("'share': Input should be less than or equal to 1."),
        ChangeRefusedError("There is no candidate of 'diabetes'."),
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
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", *names)
        },
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": examples,
            }
        },
    }


def _said(check: Callable[[], object]) -> RequestError:
    """Return what *check* refuses with, in its own words."""
    try:
        check()
    except RequestError as error:
        return error
    raise AssertionError
