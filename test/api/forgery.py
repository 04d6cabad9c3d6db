"""How hostile tokens are made: by hand where a library would refuse to."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import digest
from typing import Any

import jwt

from test.builders import SECRET
from test.key_pairs import private_key

ISSUER = "https://issuer.example.org"
AUDIENCE = "gatehouse"
LONGEST_MINUTES = 60
KIDS = {"RS256": "rsa-1", "ES256": "ec-1", "EdDSA": "ed-1"}
ALL = ("HS256", *KIDS)
_JWS = jwt.PyJWS()


def part(value: Any) -> str:
    """Return one part of a token: what is no bytes becomes JSON first."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpart(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that hold for half an hour; a change to ``...`` leaves the claim out."""
    now = int(time.time())
    good: dict[str, Any] = {"sub": "alice", "roles": ["user"], "scope": "read", "jti": "t-1"}
    good |= {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 1_800}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def header(algorithm: str, **changes: Any) -> dict[str, Any]:
    """The header of a genuine token; a change to ``...`` leaves the member out."""
    named = {"alg": algorithm, "typ": "JWT", "kid": KIDS.get(algorithm, ...)} | changes
    return {name: value for name, value in named.items() if value is not ...}


def seal(head: Any, body: Any, key: Any, algorithm: str) -> str:
    """Return a token whose signature by *key* is right, whatever stands in it."""
    signed = f"{part(head)}.{part(body)}"
    method = _JWS.get_algorithm_by_name(algorithm)
    return f"{signed}.{part(method.sign(signed.encode(), key))}"


def genuine(algorithm: str = "EdDSA", *, body: Any = None, head: Any = None, **changes: Any) -> str:
    """Return a token of the issuer itself; *changes* are to its header."""
    key = private_key(algorithm) if algorithm in KIDS else SECRET.encode()
    head = header(algorithm, **changes) if head is None else head
    return seal(head, claims() if body is None else body, key, algorithm)


def forged(algorithm: str = "EdDSA", *, body: Any = None, **changes: Any) -> str:
    """Return the same, of a stranger with a key of its own."""
    key = private_key(algorithm, "stranger") if algorithm in KIDS else b"stranger" * 8
    return seal(header(algorithm, **changes), body or claims(), key, algorithm)


def with_secret(secret: bytes, algorithm: str, **changes: Any) -> str:
    """Sign by hand: the library refuses a secret that is a key, a stranger's does not."""
    signed = f"{part(header(algorithm, **changes))}.{part(claims())}"
    return f"{signed}.{part(digest(secret, signed.encode(), f'sha{algorithm[2:]}'))}"


def with_signature(token: str, signature: bytes) -> str:
    return f"{token.rpartition('.')[0]}.{part(signature)}"


def signature_of(token: str) -> bytes:
    return unpart(token.rpartition(".")[2])
