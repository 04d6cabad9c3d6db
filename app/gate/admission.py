"""Who comes in: authenticate, then spend one request of the limits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from app.domain.access import ADMIN_ROLE, Principal
from app.domain.rates import Admission, Charge, Rate, parse_rates
from app.errors import (
    AuthenticationRequiredError,
    BodyTooLargeError,
    KeysUnavailableError,
    RateLimitedError,
    RequestError,
    TokenInvalidError,
)
from app.gate.address import network_of
from app.gate.call import Call
from app.gate.services import Services

Headers = tuple[tuple[str, str], ...]
# Longer than any verification takes, so that the time of a refusal does not tell its reason.
REFUSAL_SECONDS: Final = 0.005
_REASON_OF: Final[dict[type[RequestError], str]] = {
    AuthenticationRequiredError: "absent",
    KeysUnavailableError: "no_keys",
}
_NOBODY: Final = frozenset({ADMIN_ROLE})


@dataclass(slots=True)
class Ticket:
    """One admitted request: what it has spent, and what it holds until it is answered."""

    headers: Headers = ()
    spent: Sequence[Charge] = ()
    held: Sequence[Charge] = ()
    at: float = 0.0

    def release(self, services: Services) -> None:
        """Give the held place back when the request is answered, once."""
        held, self.held = self.held, ()
        if held:
            services.limits.give_back(held, self.at)

    def refund(self, services: Services) -> None:
        """Give back what was spent, once."""
        spent, self.spent = self.spent, ()
        if spent:
            services.limits.give_back(spent, self.at)


def authenticate(call: Call, services: Services) -> Principal:
    """Return who calls. With ``enable_auth: false`` everybody is the address that calls.

    Raises:
        AuthenticationRequiredError: no bearer token was sent.
        TokenInvalidError: the token does not hold.
        KeysUnavailableError: nobody can know yet whether it does.
        RateLimitedError: this address has failed too often.
    """
    if not services.settings.enable_auth:
        return Principal(subject=f"address:{call.address}", roles=_NOBODY)
    started = time.perf_counter()
    try:
        principal = services.tokens.verify(bearer_token(call.authorization))
        _check_revoked(principal, services)
    except (AuthenticationRequiredError, TokenInvalidError, KeysUnavailableError) as error:
        refuse(error, call.address, services, started)
        raise
    return principal


def _check_revoked(principal: Principal, services: Services) -> None:
    if services.revocations.covers(principal):
        raise TokenInvalidError("revoked")


def bearer_token(authorization: str | None) -> str:
    """Return the token in the header.

    Raises:
        AuthenticationRequiredError: there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationRequiredError("Send 'Authorization: Bearer <token>'.")
    return token.strip()


def refuse(error: RequestError, address: str, services: Services, started: float) -> None:
    """Count a failed authentication, and return no sooner than any refusal does.

    Raises:
        RateLimitedError: this address has failed too often.
    """
    reason = error.reason if isinstance(error, TokenInvalidError) else _REASON_OF[type(error)]
    services.metrics.authentication_failed(reason)
    rates = parse_rates(services.settings.security.failed_auth_limit)
    whose = f"failed:{network_of(address)}"
    try:
        _spend(services, [Charge(whose, rate) for rate in rates])
    finally:
        time.sleep(max(0.0, started + REFUSAL_SECONDS - time.perf_counter()))


def admit(services: Services, principal: Principal, model: str | None) -> Ticket:
    """Spend one request of *principal*, about *model* if any.

    Raises:
        RateLimitedError: the subject has spent one of its limits; nothing is spent then.
        LimitStoreDownError: the limits cannot be counted.
    """
    rules = services.rules.current()
    spent = rules.charges(principal, model)
    held = rules.held_charges(principal)
    charges = (*spent, *held) if held else spent
    if not charges:
        return Ticket()
    admission = _spend(services, charges)
    headers = limit_headers(admission, _rates(charges))
    if not admission.at:  # the store is down, so there is nothing to give back
        return Ticket(headers)
    return Ticket(headers, spent, held, admission.at)


def charge_rows(
    services: Services, principal: Principal, model: str, n_rows: int, ticket: Ticket
) -> None:
    """Spend *n_rows* where a policy counts rows.

    Raises:
        BodyTooLargeError: there never are so many, so waiting would not help.
        RateLimitedError: there are not so many left; the request's own charges are given back.
        LimitStoreDownError: the limits cannot be counted.
    """
    charges = services.rules.current().row_charges(principal, model, n_rows)
    if not charges:
        return
    least = min(charge.rate.limit for charge in charges)
    if n_rows > least:
        raise BodyTooLargeError(f"The limits never allow more than {least} rows at once.")
    try:
        _spend(services, charges)
    except RequestError:
        ticket.refund(services)
        raise


def _spend(services: Services, charges: Sequence[Charge]) -> Admission:
    admission = services.limits.admit(charges)
    if not admission.allowed:
        services.metrics.limited(admission.rate.name)
        headers = limit_headers(admission, _rates(charges))
        raise RateLimitedError(admission.reset_seconds, headers)
    return admission


def _rates(charges: Sequence[Charge]) -> tuple[Rate, ...]:
    return tuple([charge.rate for charge in charges])


def limit_headers(admission: Admission, rates: tuple[Rate, ...]) -> Headers:
    """Return ``RateLimit-Policy`` and ``RateLimit`` (IETF draft on RateLimit header fields)."""
    rate = admission.rate
    now = f'"{rate.name}";r={admission.remaining}'
    if not rate.is_held:
        now += f";t={admission.reset_seconds}"
    return ("RateLimit-Policy", _policy(rates)), ("RateLimit", now)


@lru_cache(256)
def _policy(rates: tuple[Rate, ...]) -> str:
    return ", ".join([_quota(rate) for rate in rates])


def _quota(rate: Rate) -> str:
    """Return one policy; places have no window, and their unit is of the draft's registry."""
    if rate.is_held:
        return f'"{rate.name}";q={rate.limit};qu="concurrent-requests"'
    return f'"{rate.name}";q={rate.limit};w={rate.window_seconds}'
