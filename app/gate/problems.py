"""Every failure in one shape (RFC 9457), and the one table from errors to HTTP statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

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
    MediaTypeUnsupportedError,
    ModelNotReadyError,
    ModelUnknownError,
    NotAcceptableError,
    OverloadedError,
    PermissionMissingError,
    RateLimitedError,
    RequestError,
    RevocationInvalidError,
    SettingsRefusedError,
    TokenInvalidError,
)
from app.gate.call import PROBLEM, Answer

RETRY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, its name in ``type`` and in metrics, and a plain sentence."""

    status: HTTPStatus
    slug: str
    sentence: str


KIND_OF: Final[Mapping[type[RequestError], Kind]] = {
    BodyMalformedError: Kind(HTTPStatus.BAD_REQUEST, "invalid-request", "Invalid request data"),
    InputInvalidError: Kind(HTTPStatus.BAD_REQUEST, "invalid-input", "Invalid request data"),
    EntityUnknownError: Kind(HTTPStatus.BAD_REQUEST, "unknown-entity", "Invalid request data"),
    FeaturesAbsentError: Kind(HTTPStatus.BAD_REQUEST, "features-absent", "Invalid request data"),
    FeaturesUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "features-unavailable", "Service unavailable"
    ),
    FeaturesTooOldError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "features-too-old", "Service unavailable"
    ),
    AuthenticationRequiredError: Kind(
        HTTPStatus.UNAUTHORIZED, "token-required", "Authorization token required"
    ),
    TokenInvalidError: Kind(HTTPStatus.UNAUTHORIZED, "invalid-token", "Invalid token"),
    PermissionMissingError: Kind(
        HTTPStatus.FORBIDDEN, "insufficient-permissions", "Insufficient permissions"
    ),
    ModelUnknownError: Kind(HTTPStatus.NOT_FOUND, "unknown-model", "Model not found"),
    NotAcceptableError: Kind(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", "Not acceptable"),
    BodyTooLargeError: Kind(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "Request too large"
    ),
    MediaTypeUnsupportedError: Kind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type"
    ),
    RateLimitedError: Kind(HTTPStatus.TOO_MANY_REQUESTS, "rate-limited", "Rate limit exceeded"),
    ModelNotReadyError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "model-not-ready", "Model not ready"),
    OverloadedError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "Service unavailable"),
    LimitStoreDownError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "limit-store-down", "Service unavailable"
    ),
    KeysUnavailableError: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "keys-unavailable", "Service unavailable"
    ),
    AuditDownError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "audit-down", "Service unavailable"),
    RevocationInvalidError: Kind(
        HTTPStatus.BAD_REQUEST, "invalid-revocation", "Invalid request data"
    ),
    SettingsRefusedError: Kind(HTTPStatus.CONFLICT, "settings-refused", "Settings refused"),
    ChangeInvalidError: Kind(HTTPStatus.BAD_REQUEST, "invalid-change", "Invalid request data"),
    ChangeRefusedError: Kind(HTTPStatus.CONFLICT, "change-refused", "Change refused"),
}
INTERNAL: Final = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Internal server error")
_BEARER: Final = 'Bearer realm="gatehouse"'


def kind_of_status(status: HTTPStatus) -> Kind:
    """Return the kind for a status that the HTTP machinery chose by itself, such as 405."""
    slug = status.phrase.lower().replace(" ", "-")
    return Kind(status, slug, status.phrase.capitalize())


def problem(  # noqa: PLR0913  one argument a member of the body
    kind: Kind,
    *,
    detail: str | None,
    path: str,
    request_id: str,
    faults: Sequence[FieldError] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> Answer:
    """Return *kind* as ``application/problem+json``."""
    body: dict[str, object] = {
        "type": f"urn:gatehouse:problem:{kind.slug}",
        "title": kind.status.phrase,
        "status": int(kind.status),
        "detail": detail or kind.sentence,
        "instance": path,
        "error": kind.sentence,
        "request_id": request_id,
    }
    if faults:
        body["errors"] = [
            {"row": fault.row, "feature": fault.feature, "reason": fault.reason} for fault in faults
        ]
    return Answer(
        status=int(kind.status),
        headers=(("Content-Type", "application/problem+json"), *headers),
        body=orjson.dumps(body),
        notes=((PROBLEM, kind.slug),),
    )


def problem_of(error: RequestError, *, path: str, request_id: str) -> Answer:
    """Return the problem that tells a caller about *error*."""
    faults = error.faults if isinstance(error, InputInvalidError) else ()
    return problem(
        KIND_OF[type(error)],
        detail=str(error),
        path=path,
        request_id=request_id,
        faults=faults,
        headers=_headers(error),
    )


def _headers(error: RequestError) -> Sequence[tuple[str, str]]:
    """Return challenge (RFC 6750, section 3) or waiting time of *error*."""
    if isinstance(error, AuthenticationRequiredError):
        return (("WWW-Authenticate", _BEARER),)
    if isinstance(error, TokenInvalidError):
        return (("WWW-Authenticate", f'{_BEARER}, error="invalid_token"'),)
    if isinstance(error, PermissionMissingError):
        return (("WWW-Authenticate", f'{_BEARER}, error="insufficient_scope"'),)
    if isinstance(error, RateLimitedError):
        return (("Retry-After", str(error.retry_after_seconds)), *error.headers)
    if KIND_OF[type(error)].status == HTTPStatus.SERVICE_UNAVAILABLE:
        return (("Retry-After", str(RETRY_SECONDS)),)
    return ()
