"""Verifies JSON Web Tokens (RFC 7519) by the rules of RFC 8725, and remembers what held."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import jwt
from cachetools import LRUCache

from app.domain.access import Principal
from app.errors import TokenInvalidError

MAX_TOKEN_BYTES: Final = 8_192
REMEMBERED: Final = 4_096
_LATEST: Final = 253_402_300_799  # the end of the year 9999
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")
_TYPES: Final = {"JWT", "AT+JWT", "APPLICATION/AT+JWT"}
_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (jwt.ExpiredSignatureError, "expired"),
    (jwt.InvalidSignatureError, "signature"),
    (jwt.InvalidAlgorithmError, "algorithm"),
    (jwt.InvalidIssuerError, "issuer"),
    (jwt.InvalidAudienceError, "audience"),
    (jwt.MissingRequiredClaimError, "claims"),
    (jwt.ImmatureSignatureError, "not_yet_valid"),
)


class JwtTokens:
    """Fulfils the port ``Tokens`` with one shared key and one algorithm.

    The header's ``alg`` never chooses: a token of another algorithm is refused. What has been
    verified is remembered by the token's digest; expiry is still checked every time.
    """

    def __init__(  # noqa: PLR0913  one argument a rule
        self,
        key: str,
        *,
        algorithm: str,
        issuer: str | None,
        audience: str | None,
        leeway_seconds: int,
        now: Callable[[], float],
    ) -> None:
        self._key = key
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience
        self._leeway_seconds = leeway_seconds
        self._now = now
        self._verified: LRUCache[bytes, Principal] = LRUCache(REMEMBERED)
        self._lock = threading.Lock()

    def verify(self, token: str) -> Principal:
        """Return the principal of *token*.

        Raises:
            TokenInvalidError: the token does not hold, for whatever reason.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenInvalidError("too_long")
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        with self._lock:
            principal = self._verified.get(digest)
        if principal is None:
            principal = self._principal(self._decode(token))
            with self._lock:
                self._verified[digest] = principal
        elif self._now() >= principal.expires_at + self._leeway_seconds:
            raise TokenInvalidError("expired")
        return principal

    def _decode(self, token: str) -> dict[str, Any]:
        try:
            found = jwt.decode_complete(
                token,
                self._key,
                algorithms=[self._algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway_seconds,
                options={
                    "require": ["exp", "iat", "sub"]
                    + (["iss"] if self._issuer else [])
                    + (["aud"] if self._audience else []),
                    "verify_aud": self._audience is not None,
                },
            )
        except Exception as error:
            # Whatever escapes verification is a token that does not hold.
            reason = next((name for kind, name in _REASONS if isinstance(error, kind)), "malformed")
            raise TokenInvalidError(reason) from error
        header: dict[str, Any] = found["header"]
        if str(header.get("typ", "JWT")).upper() not in _TYPES or "crit" in header:
            raise TokenInvalidError("type")
        claims: dict[str, Any] = found["payload"]
        return claims

    def _principal(self, claims: dict[str, Any]) -> Principal:
        roles = claims.get("roles", [])
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise TokenInvalidError("claims")
        subject = claims["sub"]
        if not isinstance(subject, str) or not _NAME.fullmatch(subject):
            raise TokenInvalidError("claims")
        token_id, expires_at = claims.get("jti"), claims["exp"]
        if isinstance(expires_at, int) and expires_at > _LATEST:
            raise TokenInvalidError("claims")
        return Principal(
            subject=subject,
            roles=frozenset(roles),
            token_id=token_id if isinstance(token_id, str) else None,
            expires_at=float(expires_at),
        )
