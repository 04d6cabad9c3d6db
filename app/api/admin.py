"""What an administrator does: read the settings again, revoke tokens."""

from __future__ import annotations

import math
import re
from http import HTTPStatus
from typing import Any, Final

import orjson
from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api.access import requires
from app.api.edge import services
from app.domain.access import Action
from app.domain.compact import json_object
from app.domain.revocation import Revocation
from app.errors import BodyMalformedError, RevocationInvalidError
from app.gate.call import DETAIL, call_of
from app.gate.media import check_media_types

blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin")
_MOST_BYTES: Final = 4_096
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,255}")


@blueprint.post("/reload")
@requires(Action.ADMIN)
def reload() -> ResponseReturnValue:
    """Read the settings again: grants and limits change in every worker within a second.

    Other settings that have changed are named; they wait for a restart.
    ---
    tags: [administration]
    responses:
      200:
        description: The settings hold.
        content: {application/json: {schema: {$ref: '#/components/schemas/Reload'}}}
      409: {$ref: '#/components/responses/409'}
    """
    return {"reloaded": True, "needs_restart": services().rules.reload()}


@blueprint.get("/revocations")
@requires(Action.ADMIN)
def revocations() -> ResponseReturnValue:
    """List what is revoked and could still matter.
    ---
    tags: [administration]
    responses:
      200:
        description: The newest first. Times are seconds since the epoch.
        content: {application/json: {schema: {$ref: '#/components/schemas/Revocations'}}}
    """  # noqa: D205
    return {"revocations": [_shown(found) for found in services().revocations.all()]}


@blueprint.post("/revocations")
@requires(Action.ADMIN)
def revoke() -> ResponseReturnValue:
    """Revoke one token, what a subject was issued, or everything that was issued.

    Every worker knows within a second. Without `issued_before` all tokens issued until now are
    meant; a token issued later in the same second is met too.
    ---
    tags: [administration]
    requestBody: {$ref: '#/components/requestBodies/Revocation'}
    responses:
      201:
        description: It is revoked.
        content: {application/json: {schema: {$ref: '#/components/schemas/Revocation'}}}
      400: {$ref: '#/components/responses/400'}
      406: {$ref: '#/components/responses/406'}
      413: {$ref: '#/components/responses/413'}
      415: {$ref: '#/components/responses/415'}
    """
    call = call_of(request.environ)
    check_media_types(call)
    revocation = _revocation(_members(call.read_body(_MOST_BYTES)))
    services().revocations.revoke(revocation)
    shown = _shown(revocation)
    request.environ[DETAIL] = orjson.dumps(shown).decode()
    return shown, HTTPStatus.CREATED


def _members(body: bytes) -> dict[str, Any]:
    try:
        return json_object(body)
    except ValueError as error:
        raise BodyMalformedError(f"The body {error}.") from error


def _revocation(members: dict[str, Any]) -> Revocation:
    now = services().now().timestamp()
    longest = services().settings.security.longest_token_seconds
    match members:
        case {"jti": str(token_id), **rest} if rest.keys() <= {"expires_at"}:
            expires_at = _time(rest, "expires_at", now + longest, now, now + longest)
            return Revocation.of_token(_name(token_id), expires_at)
        case {"subject": str(subject), **rest} if rest.keys() <= {"issued_before"}:
            return Revocation.of_subject(_name(subject), _issued_before(rest, now), longest)
        case {"everyone": True, **rest} if rest.keys() <= {"issued_before"}:
            return Revocation.of_everyone(_issued_before(rest, now), longest)
    raise RevocationInvalidError(
        "Send 'jti' with or without 'expires_at', or one of 'subject' and 'everyone': true "
        "with or without 'issued_before'."
    )


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise RevocationInvalidError("A name has 1 to 255 characters, none of them control ones.")
    return text


def _issued_before(members: dict[str, Any], now: float) -> float:
    return _time(members, "issued_before", now, 0.0, now)


def _time(members: dict[str, Any], key: str, default: float, least: float, most: float) -> float:
    value = members.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RevocationInvalidError(f"'{key}' must be a number: seconds since the epoch.")
    if not least <= value <= most:
        raise RevocationInvalidError(f"'{key}' must lie between {least:.0f} and {most:.0f}.")
    return float(value)


def _shown(revocation: Revocation) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": revocation.kind, "until": revocation.until}
    if revocation.value:
        shown["value"] = revocation.value
    if revocation.kind != "token":
        shown["issued_before"] = revocation.issued_before
    return shown
