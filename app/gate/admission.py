"""Who comes in: authenticate, then spend one request of the limit, then authorise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.domain.access import ADMIN_ROLE, Action, Principal, authorise
from app.domain.rates import Admission, Rate, parse_rates
from app.errors import AuthenticationRequiredError, RateLimitedError, TokenInvalidError
from app.gate.call import Call
from app.gate.services import Services

_NOBODY = frozenset({ADMIN_ROLE})


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who was let in, and the headers that say how much is left."""

    principal: Principal
    headers: tuple[tuple[str, str], ...]


def authenticate(call: Call, services: Services) -> Principal:
    """Return who calls. With ``enable_auth: false`` everybody is the address that calls.

    Raises:
        AuthenticationRequiredError: no bearer token was sent.
        TokenInvalidError: the token does not hold.
        RateLimitedError: this address has failed too often.
    """
    if not services.settings.enable_auth:
        return Principal(subject=f"address:{call.address}", roles=_NOBODY)
    try:
        return services.tokens.verify(_bearer_token(call.authorization))
    except (AuthenticationRequiredError, TokenInvalidError) as error:
        reason = error.reason if isinstance(error, TokenInvalidError) else "absent"
        services.metrics.authentication_failed(reason)
        rates = parse_rates(services.settings.security.failed_auth_limit)
        _spend(services, f"failed:{call.address}", rates)
        raise


def _bearer_token(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationRequiredError("Send 'Authorization: Bearer <token>'.")
    return token.strip()


def admit(services: Services, principal: Principal, action: Action) -> Guest:
    """Let *principal* in for one request of *action*.

    Raises:
        RateLimitedError: the subject has spent its limit.
        PermissionMissingError: no role of the principal grants the action.
        LimitStoreDownError: the limit cannot be counted.
    """
    rates = services.settings.rates
    admission = _spend(services, f"subject:{principal.subject}", rates)
    authorise(principal, action, services.settings.allowed_roles)
    return Guest(principal, limit_headers(admission, rates))


def _spend(services: Services, key: str, rates: tuple[Rate, ...]) -> Admission:
    admission = services.limits.admit(key, rates)
    if not admission.allowed:
        services.metrics.limited(admission.rate.name)
        raise RateLimitedError(admission.reset_seconds, limit_headers(admission, rates))
    return admission


def limit_headers(
    admission: Admission, rates: tuple[Rate, ...]
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return ``RateLimit-Policy`` and ``RateLimit`` (IETF draft on RateLimit header fields)."""
    now = f'"{admission.rate.name}";r={admission.remaining};t={admission.reset_seconds}'
    return ("RateLimit-Policy", _policy(rates)), ("RateLimit", now)


@lru_cache(64)
def _policy(rates: Sequence[Rate]) -> str:
    return ", ".join(f'"{rate.name}";q={rate.limit};w={rate.window_seconds}' for rate in rates)
