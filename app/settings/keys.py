"""Keys that verify tokens: each has one algorithm, which follows from the key and nothing else."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from app.domain.compact import json_object

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
MOST_KEYS: Final = 100
MOST_JWKS_BYTES: Final = 262_144
KEY_ID: Final = re.compile(r"[!-~]{1,200}")
_RSA_BITS: Final = range(2_048, 8_193)  # RFC 7518, section 3.3; more would only cost time
_FAMILIES: Final[dict[str, Any]] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}


@dataclass(frozen=True, slots=True)
class Key:
    """What verifies tokens of one algorithm: a public key, or, for HS*, the shared secret."""

    algorithm: str
    material: PublicKey | str = field(repr=False)
    kid: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The keys in one place, what there cannot be used and why, and the ids of files among it."""

    keys: tuple[Key, ...]
    problems: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def key_of(material: object, kid: str | None) -> Key:
    """Return *material* as a key of the one algorithm that fits it.

    Raises:
        ValueError: it is too weak, or of a kind that no algorithm here uses.
    """
    match material:
        case Ed25519PublicKey():
            return Key("EdDSA", material, kid)
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return Key("ES256", material, kid)
        case RSAPublicKey(key_size=bits) if bits in _RSA_BITS:
            return Key("RS256", material, kid)
        case EllipticCurvePublicKey(curve=curve):
            raise ValueError(f"is on the curve {curve.name}, not on P-256")
        case RSAPublicKey(key_size=bits):
            raise ValueError(f"is an RSA key of {bits} bits, not of 2048 to 8192")
    raise ValueError("is no RSA, P-256 or Ed25519 public key")


def jwk_of(key: Key) -> dict[str, str]:
    """Return a public *key* as a JSON Web Key (RFC 7517)."""
    return {"kid": key.kid or "", "use": "sig", "alg": key.algorithm} | _members(key.material)


def thumbprint(material: PublicKey) -> str:
    """Return the JWK thumbprint of a public key (RFC 7638), 43 letters of base64url."""
    canonical = orjson.dumps(_members(material), option=orjson.OPT_SORT_KEYS)
    return urlsafe_b64encode(sha256(canonical).digest()).rstrip(b"=").decode()


def _members(material: PublicKey | str) -> dict[str, str]:
    """Return what makes the key that it is, and no more (RFC 7638, section 3.2)."""
    jwk: dict[str, Any]
    match material:
        case Ed25519PublicKey():
            jwk = OKPAlgorithm.to_jwk(material, as_dict=True)
        case EllipticCurvePublicKey():
            jwk = ECAlgorithm.to_jwk(material, as_dict=True)
        case RSAPublicKey():
            jwk = RSAAlgorithm.to_jwk(material, as_dict=True)
        case _:
            raise TypeError("a secret has no public form")
    return {name: jwk[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in jwk}


def is_address(jwks: str) -> bool:
    """Say whether the setting names an address, and not a file."""
    return "://" in jwks


def read_jwks(document: bytes) -> Found:
    """Return the keys of a JWK Set (RFC 7517, section 5) that verify tokens.

    Secrets, private keys and keys of other uses or algorithms are passed over as problems.

    Raises:
        ValueError: the document is no JWK Set, or holds more than ``MOST_JWKS_BYTES`` or
            ``MOST_KEYS``.
    """
    if len(document) > MOST_JWKS_BYTES:
        raise ValueError(f"holds more than {MOST_JWKS_BYTES} bytes")
    members = json_object(document).get("keys")
    if not isinstance(members, list):
        raise ValueError("has no list of 'keys'")  # noqa: TRY004  a wrong document
    if len(members) > MOST_KEYS:
        raise ValueError(f"holds more than {MOST_KEYS} keys")
    read = list(_each(members))
    return Found(
        tuple(key for key in read if isinstance(key, Key)),
        tuple(problem for problem in read if isinstance(problem, str)),
    )


def _each(members: list[Any]) -> Iterator[Key | str]:
    for place, jwk in enumerate(members):
        try:
            yield _from_jwk(jwk)
        except Exception as error:  # noqa: BLE001  whatever a stranger wrote, it is no key
            reason = str(error) if type(error) is ValueError else "cannot be read"
            yield f"key {place} {reason}"


def _from_jwk(jwk: dict[str, Any]) -> Key:
    if jwk["kty"] == "oct" or "d" in jwk:
        raise ValueError("is secret or private, and has been given away")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise ValueError("is not for signatures")
    kid = jwk.get("kid")
    if kid is not None and not KEY_ID.fullmatch(kid):
        raise ValueError("has no printable 'kid' of at most 200 letters")
    key = key_of(_FAMILIES[jwk["kty"]].from_jwk(jwk), kid)
    if jwk.get("alg", key.algorithm) != key.algorithm:
        raise ValueError(f"is for another algorithm than {key.algorithm}")
    return key
