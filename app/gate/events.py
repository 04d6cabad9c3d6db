"""Which requests the audit log remembers, and what of them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from app.domain.access import Action
from app.domain.audit import Event, Evidence, Kind
from app.errors import RateLimitedError
from app.gate.call import (
    ACCESS,
    ADDRESS,
    DETAIL,
    ENDPOINT,
    EVIDENCE,
    PROBLEM,
    REQUEST_ID,
    SUBJECT,
)
from app.gate.problems import KIND_OF

PUBLIC: Final = "public"
_DENIED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_LIMITED: Final = KIND_OF[RateLimitedError].slug


def event_of(environ: Mapping[str, Any], status: int, seconds: float, at: float) -> Event | None:
    """Return what is worth remembering of an answered request; None for most public ones.

    What the limit of failed authentications refuses, or an outage, is only counted where nobody is
    known: a stranger could fill the log with it.

    Args:
        environ: of the request, with the notes of its answer.
        status: of the answer.
        seconds: that it took.
        at: seconds since the epoch.
    """
    kind = _kind(environ, status)
    if kind is None:
        return None
    evidence: Evidence | None = environ.get(EVIDENCE)
    return Event(
        kind=kind,
        at=at,
        request_id=environ[REQUEST_ID],
        method=environ["REQUEST_METHOD"],
        route=environ.get(ENDPOINT, ""),
        status=status,
        seconds=seconds,
        address=environ[ADDRESS],
        subject=environ.get(SUBJECT),
        problem=environ.get(PROBLEM),
        detail=environ.get(DETAIL),
        evidence=evidence,
    )


def _kind(environ: Mapping[str, Any], status: int) -> Kind | None:
    access = environ.get(ACCESS, PUBLIC)
    is_stranger = SUBJECT not in environ
    if status >= HTTPStatus.BAD_REQUEST:
        is_outage = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if is_stranger and (is_outage or environ.get(PROBLEM) == _LIMITED):
            return None
        return "refusal" if access != PUBLIC or status in _DENIED else None
    if access == Action.ADMIN and not is_stranger:  # OPTIONS asks for no token
        return "admin"
    return "prediction" if EVIDENCE in environ else None
