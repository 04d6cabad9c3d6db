"""Ed25519 keys that vouch for models, by whose they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.settings.key_files import PrivateKey


@cache
def a_key(owner: str) -> Ed25519PrivateKey:
    """The one key of *owner*."""
    assert owner
    return Ed25519PrivateKey.generate()


def private_pem(key: PrivateKey, encryption: KeySerializationEncryption | None = None) -> bytes:
    """The key as ``openssl genpkey`` writes it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def public_pem(key: PrivateKey) -> bytes:
    """Its public half."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def written(file: Path, content: bytes) -> Path:
    """Write *content* for its owner's eyes only."""
    file.write_bytes(content)
    file.chmod(0o600)
    return file
