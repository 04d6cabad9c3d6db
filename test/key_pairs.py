"""Keys of every kind, made once a run, and the files, sets and tokens that tests need of them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.settings.key_files import PrivateKey
from app.settings.keys import Key, jwk_of, key_of
from test.builders import some_claims

ALGORITHMS = ("RS256", "ES256", "EdDSA")


def private_key(algorithm: str, owner: str = "issuer") -> PrivateKey:
    """The one key that *owner* has for an algorithm."""
    return _made(algorithm, owner)


@cache
def _made(algorithm: str, _owner: str) -> PrivateKey:
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def public_key(algorithm: str, kid: str | None = None, owner: str = "issuer") -> Key:
    return key_of(private_key(algorithm, owner).public_key(), kid)


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def private_pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def write_public(folder: Path, kid: str, algorithm: str = "EdDSA", owner: str = "issuer") -> Path:
    """Write ``<kid>.pem`` as an operator does who was sent a public key."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{kid}.pem"
    file.write_bytes(public_pem(private_key(algorithm, owner).public_key()))
    return file


def write_private(folder: Path, kid: str, algorithm: str = "EdDSA", owner: str = "issuer") -> Path:
    """Write ``<kid>.private.pem`` that only its owner reads."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{kid}.private.pem"
    file.write_bytes(private_pem(private_key(algorithm, owner)))
    file.chmod(0o600)
    return file


def a_jwk(kid: str, /, algorithm: str = "EdDSA", **changes: Any) -> dict[str, Any]:
    """A JSON Web Key; a change to None leaves the member out."""
    found = jwk_of(public_key(algorithm, kid)) | changes
    return {name: value for name, value in found.items() if value is not None}


def a_jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def signed(algorithm: str, kid: str | None, owner: str = "issuer", **changes: Any) -> str:
    """A token of *owner*, with claims as ``some_claims`` makes them."""
    headers = {"kid": kid} if kid is not None else None
    key = private_key(algorithm, owner)
    return jwt.encode(some_claims(**changes), key, algorithm=algorithm, headers=headers)
