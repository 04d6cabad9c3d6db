"""Tokens whose signature is missing, spoilt, somebody else's, or made with a public key."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.settings.keys import jwk_of
from test.api.forgery import (
    ALL,
    KIDS,
    claims,
    forged,
    genuine,
    header,
    part,
    seal,
    signature_of,
    with_secret,
    with_signature,
)
from test.builders import SECRET
from test.key_pairs import private_key, public_key, public_pem

_ED_ORDER = 2**252 + 27742317777372353535851937790883648493
_EC_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def unsigned() -> Iterator[str]:
    """RFC 8725, section 2.1: the algorithm 'none', in every spelling."""
    spellings = ["none", "None", "NONE", "nOnE", "none ", "none\x00", "", None, ..., True, ["none"]]
    for spelling in spellings:
        for kid in ("ed-1", ...):
            head = header("none", alg=spelling, kid=kid)
            yield f"{part(head)}.{part(claims())}."
            yield f"{part(head)}.{part(claims())}.{part(b'none')}"


def confused() -> Iterator[str]:
    """RFC 8725, section 2.1: a public key taken for a secret, or for another algorithm's key."""
    for algorithm, kid in KIDS.items():
        public = private_key(algorithm).public_key()
        pem = public_pem(public)
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        jwk = part(jwk_of(public_key(algorithm, kid)))
        for secret in (pem, pem.strip(), pem.replace(b"\n", b""), der, jwk.encode(), kid.encode()):
            for named in (kid, ...):
                yield with_secret(secret, "HS256", kid=named)
        yield with_secret(pem, "HS384", kid=kid)
        yield with_secret(pem, "HS512", kid=kid)
        yield genuine("HS256", kid=kid)
        yield genuine(algorithm, kid=...)
    for other in ("RS384", "RS512", "PS256"):
        yield seal(header("RS256", alg=other), claims(), private_key("RS256"), other)
    for algorithm in ("HS384", "HS512"):
        yield seal(header("HS256", alg=algorithm), claims(), SECRET.encode(), algorithm)


def spoiled() -> Iterator[str]:
    """Signatures that were right once."""
    for algorithm in ALL:
        token, other = genuine(algorithm), genuine(algorithm, body=claims(sub="bob"))
        right = signature_of(token)
        yield with_signature(token, bytes([right[0] ^ 1]) + right[1:])
        yield with_signature(token, right[:-1] + bytes([right[-1] ^ 128]))
        yield with_signature(token, right[:-1])
        yield with_signature(token, right + right)
        yield with_signature(token, right + b"\x00")
        yield with_signature(token, bytes(len(right)))
        yield with_signature(token, signature_of(other))
        yield f"{token.rpartition('.')[0]}.{token.split('.')[1]}"


def crafted() -> Iterator[str]:
    """Signatures that sloppy mathematics takes: CVE-2022-21449, small orders, malleability."""
    ec, ed, rsa = (genuine(algorithm) for algorithm in ("ES256", "EdDSA", "RS256"))
    for r, s in ((0, 0), (0, 1), (1, 0), (_EC_ORDER, _EC_ORDER), (2**256 - 1, 2**256 - 1)):
        yield with_signature(ec, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    right = signature_of(ec)
    r, s = (int.from_bytes(half, "big") for half in (right[:32], right[32:]))
    yield with_signature(ec, encode_dss_signature(r, s))
    yield with_signature(ec, bytes(16) + right[:32] + bytes(16) + right[32:])
    point, scalar = signature_of(ed)[:32], int.from_bytes(signature_of(ed)[32:], "little")
    yield with_signature(ed, point + (scalar + _ED_ORDER).to_bytes(32, "little"))
    for small in (bytes(32), (1).to_bytes(32, "little"), b"\xec" + b"\xff" * 30 + b"\x7f"):
        yield with_signature(ed, small + bytes(32))
    key = private_key("RS256").public_key()
    assert isinstance(key, RSAPublicKey)
    modulus = key.public_numbers().n
    for number in (1, modulus - 1, modulus, int.from_bytes(signature_of(rsa), "big") + modulus):
        yield with_signature(rsa, number.to_bytes(264, "big").lstrip(b"\x00").rjust(256, b"\x00"))


def strangers() -> Iterator[str]:
    """Right in everything, but signed with a key of somebody else, or one that was withdrawn."""
    for algorithm in ALL:
        yield forged(algorithm)
        yield forged(algorithm, body=claims(sub="admin", roles=["admin"]))
    for algorithm in KIDS:
        yield seal(
            header(algorithm, kid="withdrawn"),
            claims(),
            private_key(algorithm, "withdrawn"),
            algorithm,
        )
    for guess in (b"secret", b"changeme", b"\x00" * 32, SECRET.upper().encode()):
        yield with_secret(guess, "HS256")
