"""Who comes in: authenticate, then spend one request of the limit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from app.domain.access import ADMIN_ROLE, Principal
from app.domain.rates import Admission, Rate, parse_rates
from app.errors import AuthenticationRequiredError, RateLimitedError, TokenInvalidError
from app.gate.address import network_of
from app.gate.call import Call
from app.gate.services import Services

_NOBODY = frozenset({ADMIN_ROLE})


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
        return services.tokens.verify(bearer_token(call.authorization))
    except (AuthenticationRequiredError, TokenInvalidError) as error:
        reason = error.reason if isinstance(error, TokenInvalidError) else "absent"
        count_failure(reason, call.address, services)
        raise


def bearer_token(authorization: str | None) -> str:
    """Return the token in the header.

    Raises:
        AuthenticationRequiredError: there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationRequiredError("Send 'Authorization: Bearer <token>'.")
    return token.strip()


def admit(services: Services, principal: Principal) -> tuple[tuple[str, str], ...]:
    """Spend one request of *principal*; return the headers that say how much is left.

    Raises:
        RateLimitedError: the subject has spent its limit.
        LimitStoreDownError: the limit cannot be counted.
    """
    rates = services.settings.rates
    return limit_headers(_spend(services, f"subject:{principal.subject}", rates), rates)


def count_failure(reason: str, address: str, services: Services) -> None:
    """Count a failed authentication, and spend one of those that *address* has.

    Raises:
        RateLimitedError: this address has failed too often.
    """
    services.metrics.authentication_failed(reason)
    rates = parse_rates(services.settings.security.failed_auth_limit)
    _spend(services, f"failed:{network_of(address)}", rates)


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
