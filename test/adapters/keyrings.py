"""Keyrings over real sources, and tokens verified by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.adapters.jwks import RemoteKeys
from app.adapters.jwt_claims import Claims
from app.adapters.jwt_tokens import JwtTokens
from app.adapters.keyring import FileKeys, Keyring
from app.adapters.null import NullMetrics
from app.errors import TokenInvalidError
from app.settings import key_files
from app.settings.keys import Key
from test.builders import SECRET

CLAIMS = Claims(issuer=None, audience=None, leeway_seconds=0, longest_seconds=86_400)
SHARED = Key("HS256", SECRET)


class Clock:
    """Seconds that only the test moves."""

    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def some_tokens(keyring: Keyring) -> JwtTokens:
    return JwtTokens(keyring, CLAIMS)


def reason_of(tokens: JwtTokens, token: str) -> str:
    with pytest.raises(TokenInvalidError) as caught:
        tokens.verify(token)
    return caught.value.reason


def pem_keys(folder: Path) -> FileKeys:
    return FileKeys(folder, key_files.look_again, NullMetrics())


def jwks_keys(file: Path) -> FileKeys:
    return FileKeys(file, key_files.look_into_jwks, NullMetrics())


def remote_keys(url: str, clock: Clock, **changes: Any) -> RemoteKeys:
    bounds = {"max_age_seconds": 300.0, "cooldown_seconds": 30.0} | changes
    return RemoteKeys(url, NullMetrics(), now=clock, **bounds)
