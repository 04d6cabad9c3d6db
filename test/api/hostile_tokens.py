"""Hostile tokens by kind. Each must be refused, and for a reason that fits its kind."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.settings.keys import jwk_of
from test.api.forgery import KIDS, claims, forged, genuine, part, with_secret
from test.api.hostile_claims import a_claim, a_document, a_lifetime
from test.api.hostile_signatures import confused, crafted, spoiled, strangers, unsigned
from test.key_pairs import a_jwk, public_key


@dataclass(frozen=True)
class Kind:
    """One way to attack: the tokens that try it, and the reasons that may refuse them."""

    tokens: Callable[[], Iterator[str]]
    reasons: frozenset[str]


def misnamed() -> Iterator[str]:
    """A ``kid`` that is a path, a query, another type, or another key's."""
    names = ["../../etc/passwd", "keys/ed-1", "/dev/null", "ed-1.pem", "ed-1.private", "./ed-1"]
    names += ["' OR 1=1 --", "ed-1' UNION SELECT 'x", "ed-1\x00", "\x00", "ed-1 ", " ed-1", "ED-1"]
    names += ["x" * 201, "x" * 4_000, "https://evil.example/k", "${jndi:ldap://evil}", "ed-1\n"]
    names += ["*", ".*", "\u0435d-1", "\ud800", "unknown", ""]
    for kid in [*names, 7, 1.0, True, None, [], ["ed-1"], {}, {"$ne": None}]:
        yield genuine(kid=kid)
    for kid in ("/dev/null", "../../dev/null", "unknown"):
        yield with_secret(b"", "HS256", kid=kid)


def swapped() -> Iterator[str]:
    """The ``kid`` of a key, with the algorithm and signature of another."""
    for algorithm in KIDS:
        for other, kid in KIDS.items():
            if other != algorithm:
                yield genuine(algorithm, kid=kid)
                yield genuine(algorithm, kid=kid, alg=other)


def bringers() -> Iterator[str]:
    """RFC 8725, section 3.10: tokens that bring the key to verify them, or say where it is."""
    jwk = jwk_of(public_key("EdDSA", "ed-1", "stranger"))
    for kid in ("ed-1", "mine", ...):
        yield forged(kid=kid, jwk=jwk)
        yield forged(kid=kid, jku="http://127.0.0.1:1/jwks")
        yield forged(kid=kid, jku="https://evil.example/jwks")
        yield forged(kid=kid, x5u="file:///etc/passwd")
        yield forged(kid=kid, x5c=["MIIB"])
        yield forged(kid=kid, jwk=a_jwk("ed-1") | {"x": jwk["x"]}, jku="https://evil.example/")


def demanding() -> Iterator[str]:
    """RFC 7515, section 4.1.11: extensions that must be understood; RFC 7797: an unencoded part."""
    wrong: list[Any] = [[], ["exp"], ["b64"], ["alg"], "exp", None, {}, [None], True]
    for crit in wrong:
        yield genuine(crit=crit)
    yield genuine(crit=["b64"], b64=True)
    yield genuine(crit=["b64"], b64=False)
    yield genuine(crit=["nonce"], nonce="x")


def mistyped() -> Iterator[str]:
    """RFC 8725, section 3.11: tokens that were issued for something else."""
    for typ in ("JWE", "dpop+jwt", "logout+jwt", "secevent+jwt", "kb+jwt", "vc+sd-jwt"):
        yield genuine(typ=typ)
    for wrong in ("", " JWT", "JWT\x00", None, 7, True, ["JWT"], {"JWT": 1}):
        yield genuine(typ=wrong)


def encrypted() -> Iterator[str]:
    """JSON Web Encryption (RFC 7516), compression, and payloads that are not in the token."""
    token = genuine()
    for head in ({"alg": "dir", "enc": "A128GCM"}, {"alg": "RSA-OAEP", "enc": "A256GCM"}):
        yield ".".join([part(head), "", part(bytes(12)), part(b"text"), part(bytes(16))])
        yield ".".join([part(head), part(bytes(32)), part(bytes(12)), part(b"t"), part(bytes(16))])
    yield genuine(body=zlib.compress(part(claims()).encode()), zip="DEF")
    yield genuine(body=zlib.compress(b" " * 100_000), zip="DEF")
    yield genuine(b64=False)
    yield f"{token.split('.')[0]}..{token.split('.')[2]}"


def misshapen() -> Iterator[str]:
    """Too few parts, too many, and none."""
    head, body, signature = genuine().split(".")
    yield from ("", ".", "..", "...", "....", "null", "undefined", "{}", "[object Object]")
    yield from (head, f"{head}.{body}", f"{head}.{signature}", f".{body}.{signature}")
    yield from (f"{head}.{body}.", f"{head}.{body}.{signature}.", f".{head}.{body}.{signature}")
    yield from (f"{head}.{body}.{signature}.{signature}", f"{head}..{body}.{signature}")
    yield f"{signature}.{body}.{head}"


def misspelt() -> Iterator[str]:
    """A good token, spelt so that a lenient reader would take it."""
    head, body, signature = good = genuine().split(".")
    token = ".".join(good)
    for odd in ("=", "==", "===", "%3D", "\n", "\r\n", " ", "\t", "\x00", "\x0b", "\x7f", "\xa0"):
        yield f"{head}{odd}.{body}.{signature}"
        yield f"{head}.{body}.{odd}{signature}"
    for odd in ("=", "==", "%00", "\x00", "#", "?", "&x=1", ",", ";", "\\", "\xe9", "\u00ad"):
        yield f"{token}{odd}"
    yield from (f'"{token}"', f"'{token}'", f"<{token}>", f"Bearer {token}", f"{token} {token}")
    yield from (f"{token},{token}", token.swapcase(), token[::-1], token.replace(".", "%2E"))
    yield genuine("ES256").translate({ord("-"): "+", ord("_"): "/"}) + "+/"


def oversized() -> Iterator[str]:
    """More than any issuer sends."""
    token = genuine()
    yield from (token + "A" * (8_193 - len(token)), token + "A" * 100_000, "A" * 1_000_000)
    yield from ("." * 100_000, genuine(body=claims(roles=["user"] * 5_000)))
    yield genuine(x5c=["A" * 8_000])


def nested() -> Iterator[str]:
    """Deep enough to end a recursive reader: the header needs no key at all."""
    for opened, closed in ((b"[", b"]"), (b'{"":', b"}")):
        for deep in (500, 1_000, 1_100):
            inside = opened * deep + b"1" + closed * deep
            yield f"{part(inside)}.{part(claims())}.{part(bytes(64))}"
            yield genuine(body=inside)


KINDS = {
    "unsigned": Kind(unsigned, frozenset({"malformed", "algorithm", "key"})),
    "confused": Kind(confused, frozenset({"algorithm", "signature"})),
    "spoiled": Kind(spoiled, frozenset({"signature"})),
    "crafted": Kind(crafted, frozenset({"signature"})),
    "strangers": Kind(strangers, frozenset({"signature", "key"})),
    "misnamed": Kind(misnamed, frozenset({"key"})),
    "swapped": Kind(swapped, frozenset({"algorithm", "signature"})),
    "bringers": Kind(bringers, frozenset({"signature", "key", "algorithm"})),
    "demanding": Kind(demanding, frozenset({"type"})),
    "mistyped": Kind(mistyped, frozenset({"type"})),
    "encrypted": Kind(encrypted, frozenset({"malformed"})),
    "misshapen": Kind(misshapen, frozenset({"malformed"})),
    "misspelt": Kind(misspelt, frozenset({"malformed"})),
    "oversized": Kind(oversized, frozenset({"too_long"})),
    "nested": Kind(nested, frozenset({"malformed", "algorithm", "claims"})),
    "a document": Kind(a_document, frozenset({"malformed"})),
    "a claim": Kind(a_claim, frozenset({"claims", "malformed", "issuer", "audience"})),
    "a lifetime": Kind(a_lifetime, frozenset({"expired", "not_yet_valid", "lifetime"})),
}


def corpus(name: str) -> list[str]:
    """Return the tokens of one kind, made now: what they claim holds for half an hour."""
    return list(KINDS[name].tokens())
