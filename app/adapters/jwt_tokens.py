"""Verifies JSON Web Tokens (RFC 7519) by the rules of RFC 8725, and remembers what held."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import jwt

from app.adapters.jwt_claims import Claims
from app.adapters.keyring import Keyring, KeySet
from app.domain.access import Principal
from app.domain.compact import header_of, json_object
from app.errors import KeysUnavailableError, TokenInvalidError
from app.settings.keys import KEY_ID, Key

MAX_TOKEN_BYTES: Final = 8_192
REMEMBERED: Final = 16_384
_TYPES: Final = {"JWT", "AT+JWT", "APPLICATION/AT+JWT"}
_JWS: Final = jwt.PyJWS()


class JwtTokens:
    """Fulfils the port ``Tokens`` with the keys of a keyring.

    The header's ``kid`` picks a key and the key has one algorithm; ``alg`` never chooses, and no
    key is ever taken from a token or fetched for its ``jku`` or ``x5u``. What has been verified
    is remembered by the token's digest until the keys change; expiry is checked every time.
    """

    def __init__(
        self, keyring: Keyring, claims: Claims, now: Callable[[], float] = time.time
    ) -> None:
        self._keyring = keyring
        self._claims = claims
        self._now = now
        self._memory = _Memory(keyring.current())

    def verify(self, token: str) -> Principal:
        """Return the principal of *token*.

        Raises:
            TokenInvalidError: the token does not hold, for whatever reason.
            KeysUnavailableError: no key has been fetched yet, so none can.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenInvalidError("too_long")
        memory = self._memory
        if memory.keys is not (keys := self._keyring.current()):
            memory = self._memory = _Memory(keys)
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        principal = memory.get(digest)
        if principal is None:
            principal = self._verified(token, keys)
            memory.put(digest, principal)
        elif self._claims.has_expired(principal.expires_at, self._now()):
            raise TokenInvalidError("expired")
        return principal

    def _verified(self, token: str, keys: KeySet) -> Principal:
        try:
            header = header_of(token)
            _check_type(header)
            key = self._key(header, keys)
            return self._claims.principal(json_object(_signed(token, header, key)), self._now())
        except (TokenInvalidError, KeysUnavailableError):
            raise
        except Exception as error:
            # Whatever escapes verification is a token that does not hold.
            raise TokenInvalidError("malformed") from error

    def _key(self, header: dict[str, Any], keys: KeySet) -> Key:
        kid = header.get("kid")
        if "kid" in header and (not isinstance(kid, str) or not KEY_ID.fullmatch(kid)):
            raise TokenInvalidError("key")
        key = keys.choose(kid)
        if key is None and kid is not None:
            key = self._keyring.look_again().choose(kid)
        if key is None:
            self._keyring.check_loaded()
            raise TokenInvalidError("key")
        return key


class _Memory:
    """The principals that one set of keys has verified: with the set, they are forgotten."""

    def __init__(self, keys: KeySet) -> None:
        self.keys = keys
        self._principals: OrderedDict[bytes, Principal] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> Principal | None:
        with self._lock:
            found = self._principals.get(digest)
            if found is not None:
                self._principals.move_to_end(digest)
            return found

    def put(self, digest: bytes, principal: Principal) -> None:
        with self._lock:
            self._principals[digest] = principal
            if len(self._principals) > REMEMBERED:
                self._principals.popitem(last=False)


def _check_type(header: dict[str, Any]) -> None:
    """Refuse what is no access token, and extensions that must be understood (RFC 7515, 4.1.11)."""
    if str(header.get("typ", "JWT")).upper() not in _TYPES or "crit" in header:
        raise TokenInvalidError("type")


def _signed(token: str, header: dict[str, Any], key: Key) -> bytes:
    """Return the payload of *token*, which *key* has signed."""
    if header.get("alg") != key.algorithm:
        raise TokenInvalidError("algorithm")
    try:
        found = _JWS.decode_complete(token, key.material, algorithms=[key.algorithm])
    except jwt.InvalidSignatureError as error:
        raise TokenInvalidError("signature") from error
    payload: bytes = found["payload"]
    return payload
