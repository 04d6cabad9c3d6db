"""The key that signs the heads of the audit log (Ed25519), and the public keys that verify them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from app.domain.audit_chain import Head
from app.domain.audit_verification import Outcome
from app.errors import OperatorError, SettingsError
from app.files import create_once, write_atomically

_VALUES: Final = b"gatehouse audit values"


class AuditKey:
    """Signs heads. Its public half, of the same name with ``.pub``, may go anywhere."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.id = _id(self.public)

    def signed(self, head: Head) -> Head:
        """Return *head* with this key's id and signature."""
        head = head._replace(key=self.id)
        return head._replace(signature=self._private.sign(head.payload()).hex())

    def values_key(self) -> bytes:
        """Return the key under which values are hashed; derived by HKDF (RFC 5869)."""
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_VALUES)
        return kdf.derive(self._private.private_bytes_raw())

    def public_pem(self) -> bytes:
        """Return the public half as PEM."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def made_key(path: Path) -> AuditKey:
    """Return the key at *path*, made the first time anybody asks; its public half lies beside it.

    Raises:
        SettingsError: it cannot be read or written, or others may read it.
    """
    new = Ed25519PrivateKey.generate()
    pem = new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        key = _private_key(create_once(path, pem), path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path}: others may read it. Fix: chmod 600 {path}")
        if not public_file(path).exists():
            write_atomically(public_file(path), key.public_pem())
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}. Fix: set audit.signing_key."
        raise SettingsError(message) from error
    return key


def given_key(path: Path) -> AuditKey:
    """Return the key in the PEM file *path*.

    Raises:
        SettingsError: the file cannot be read, or holds no private Ed25519 key.
    """
    try:
        return _private_key(path.read_bytes(), path)
    except OSError as error:
        message = f"audit.signing_key: {path}: {error.strerror}. Fix: {_MAKE.format(path)}"
        raise SettingsError(message) from error


_MAKE: Final = "openssl genpkey -algorithm ed25519 -out {}"


def _private_key(pem: bytes, path: Path) -> AuditKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError(
            f"audit.signing_key: {path}: is no private key in PEM without a password. "
            f"Fix: {_MAKE.format(path)}"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"audit.signing_key: {path}: is no Ed25519 key. Fix: {_MAKE.format(path)}"
        )
    return AuditKey(key)


def public_file(path: Path) -> Path:
    """Return where the public half of the key at *path* lies."""
    return path.with_suffix(".pub" + path.suffix)


def judge(public: Iterable[Ed25519PublicKey]) -> Callable[[Head], Outcome]:
    """Return what says of a head whether its signature holds by one of the *public* keys."""
    keys = {_id(key): key for key in public}

    def outcome(head: Head) -> Outcome:
        key = keys.get(head.key)
        if key is None:
            return "unknown key"
        try:
            key.verify(bytes.fromhex(head.signature), head.payload())
        except (InvalidSignature, ValueError, TypeError):
            return "wrong signature"
        return "good"

    return outcome


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in the PEM file *path*.

    Raises:
        OperatorError: it cannot be read, or holds no public Ed25519 key.
    """
    fix = "Fix: name the PEM file of the public key with --public-key."
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}. {fix}") from error
    except ValueError as error:
        raise OperatorError(f"{path}: is no public key. {fix}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise OperatorError(f"{path}: is no Ed25519 key. {fix}")
    return key


def _id(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes_raw()).hexdigest()[:16]
