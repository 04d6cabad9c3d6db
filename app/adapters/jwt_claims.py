"""What a verified token must claim: RFC 7519, section 4.1, and the scopes of RFC 8693."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from app.domain.access import Principal
from app.errors import TokenInvalidError

_LATEST: Final = 253_402_300_799  # the end of the year 9999
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What this gateway asks of every token. ``issuer`` and ``audience`` may be anything if None.

    Attributes:
        leeway_seconds: how far the clocks of issuer and gateway may differ.
        longest_seconds: what may lie between ``iat`` and ``exp``.
    """

    issuer: str | None
    audience: str | None
    leeway_seconds: float
    longest_seconds: float

    def principal(self, claims: dict[str, Any], now: float) -> Principal:
        """Return whom *claims* speak of.

        Raises:
            TokenInvalidError: they do not hold at *now*, seconds since the epoch.
        """
        issued_at, expires_at = _moment(claims.get("iat")), _moment(claims.get("exp"))
        self._check_time(issued_at, expires_at, _moment(claims.get("nbf", issued_at)), now)
        self._check_parties(claims)
        return Principal(
            subject=_name(claims.get("sub")),
            roles=_names(claims.get("roles", [])),
            scopes=_names(_words(claims.get("scope", ""))),
            token_id=_name(claims["jti"]) if "jti" in claims else None,
            issued_at=issued_at,
            expires_at=expires_at,
        )

    def has_expired(self, expires_at: float, now: float) -> bool:
        """Say whether a token that ends at *expires_at* no longer holds at *now*."""
        return now >= expires_at + self.leeway_seconds

    def _check_time(
        self, issued_at: float, expires_at: float, not_before: float, now: float
    ) -> None:
        if self.has_expired(expires_at, now):
            raise TokenInvalidError("expired")
        if max(issued_at, not_before) > now + self.leeway_seconds:
            raise TokenInvalidError("not_yet_valid")
        if expires_at - issued_at > self.longest_seconds:
            raise TokenInvalidError("lifetime")

    def _check_parties(self, claims: dict[str, Any]) -> None:
        if self.issuer is not None and _name(claims.get("iss")) != self.issuer:
            raise TokenInvalidError("issuer")
        if self.audience is not None:
            audience = claims.get("aud")
            named = audience if isinstance(audience, list) else [audience]
            if self.audience not in _names(named):
                raise TokenInvalidError("audience")


def _moment(value: object) -> float:
    """Return a NumericDate; a comparison with NaN is false, so it is refused with the rest."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _LATEST:
        raise TokenInvalidError("claims")
    return float(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise TokenInvalidError("claims")
    return value


def _names(values: object) -> frozenset[str]:
    if not isinstance(values, list):
        raise TokenInvalidError("claims")
    return frozenset(map(_name, values))


def _words(value: object) -> list[str]:
    if not isinstance(value, str):
        raise TokenInvalidError("claims")
    return value.split()
