"""Tokens that the issuer itself signed, and that must not hold all the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from test.api.forgery import AUDIENCE, ISSUER, LONGEST_MINUTES, claims, genuine, header

_NO_NAMES: list[Any] = [7, 1.5, True, [], {}, "", "x" * 256, "a\nb", "\x00", "\x7f", "\ud800"]
_NO_TIMES: list[Any] = ["soon", "9999999999", "0x7fffffff", -1, -1e9, True, False, [], {}, [1]]
_NO_TIMES += [None, 10**12, 10**400, -(10**400), 253_402_300_800]
WRONG: dict[str, list[Any]] = {
    "exp": [..., *_NO_TIMES],
    "iat": [..., *_NO_TIMES],
    "nbf": _NO_TIMES,
    "sub": [..., None, *_NO_NAMES],
    "jti": [None, *_NO_NAMES],
    "roles": [None, "admin", "", 7, {"admin": True}, [1], [None], [["admin"]], ["a\x00"], [""]],
    "scope": [None, 7, True, ["read"], {"read": 1}, "a\x00b", "\ud800", "x" * 256],
    "iss": [
        ...,
        None,
        7,
        [ISSUER],
        {},
        "",
        f"{ISSUER}/",
        ISSUER.upper(),
        ISSUER[:-1],
        f" {ISSUER}",
    ],
    "aud": [..., None, 7, [], {}, {AUDIENCE: 1}, "", "gate", f"{AUDIENCE}s", AUDIENCE.upper()],
}
WRONG["aud"] += [[7], [AUDIENCE, 7], ["other"], [[AUDIENCE]], ["gate", "house"]]


def a_claim() -> Iterator[str]:
    """Claims that are missing, or of another type or value than they must be."""
    for name, values in WRONG.items():
        for value in values:
            yield genuine(body=claims(**{name: value}))
    for name in ("exp", "iat", "nbf"):
        for number in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5_000):
            yield genuine(body=_written(name, number))


def _written(name: str, value: str) -> bytes:
    """Return good claims with *value*, which no JSON library would write, under *name*."""
    return json.dumps(claims(**{name: "?"})).replace('"?"', value).encode()


def a_document() -> Iterator[str]:
    """Payloads and headers that are no JSON object, or that two readers read differently."""
    good = json.dumps(claims()).encode()
    for body in (b"[]", b"null", b"7", b'"alice"', b"[" + good + b"]", b"\xef\xbb\xbf" + good):
        yield genuine(body=body)
    for body in (good.decode().encode("utf-16"), good[:-1], good + good, good + b"\x00", b"{,}"):
        yield genuine(body=body)
    for body in (b"\xff" + good, good.replace(b"alice", b"\xff"), b"{} // " + good, b"{}{}"):
        yield genuine(body=body)
    for twin in (b'"sub":"admin"', b'"roles":["admin"]', b'"exp":9999999999', b'"\\u0073ub":"x"'):
        yield genuine(body=good[:-1] + b"," + twin + b"}")
        yield genuine(body=b"{" + twin + b"," + good[1:])
    head = json.dumps(header("EdDSA")).encode()
    for twin in (b'"alg":"none"', b'"kid":"ed-1"', b'"typ":"JWT"', b'"\\u0061lg":"HS256"'):
        yield genuine(head=head[:-1] + b"," + twin + b"}")
    for other in (b"[]", b"null", b"\xff", b"\xef\xbb\xbf" + head, head.decode().encode("utf-16")):
        yield genuine(head=other)
    _, payload, signature = genuine().split(".")
    yield f"A.{payload}.{signature}"


def a_lifetime() -> Iterator[str]:
    """Tokens before their time, after it, and with too much of it."""
    now, longest = int(time.time()), LONGEST_MINUTES * 60
    for ago in (1, 60, 3_600, 86_400, 10**9):
        yield genuine(body=claims(iat=now - ago - 60, exp=now - ago))
    yield genuine(body=claims(iat=0, exp=0))
    yield genuine(body=claims(iat=now - 60, exp=now - 60.5))
    for ahead in (60, 3_600, 10**9):
        yield genuine(body=claims(iat=now + ahead, exp=now + ahead + 60))
        yield genuine(body=claims(nbf=now + ahead))
    for beyond in (1, 3_600, 10**9):
        yield genuine(body=claims(exp=now + longest + beyond))
        yield genuine(body=claims(iat=now - longest - beyond, exp=now + 1_000))
    yield genuine(body=claims(iat=0))
