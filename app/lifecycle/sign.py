"""Vouches for a registered version: signs its manifest with an Ed25519 key (RFC 8032)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.domain import manifest
from app.domain.contract import Signature
from app.errors import OperatorError
from app.lifecycle.heldout import held_out_file
from app.lifecycle.registry import Registry, read_version, store_of, versions

_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, and the id of the key."""

    name: str
    version: str
    key: str


def sign(registry: Registry, name: str, version: str | None = None, *, key_file: Path) -> Signed:
    """Sign a version in the registry; a signature that it had is replaced, all else is kept.

    The artefacts and the held-out rows are read and compared with the manifest first, so nobody
    vouches for a damaged file. What is already promoted stays as it is until it is promoted again.

    Args:
        registry: where versions lie.
        name: a registered model.
        version: its version; None for the newest.
        key_file: an Ed25519 private key in PEM, without a password, for its owner's eyes only.

    Raises:
        RegistryError: there is no such version, or it is damaged or cannot be written.
        OperatorError: the key cannot be used.
    """
    if version is None:
        version = str(max(versions(registry, name), default="?"))
    stored = read_version(registry, name, version)
    held_out_file(registry, stored.contract)
    key = _private_key(key_file)
    key_id = manifest.key_id(key.public_key().public_bytes_raw())
    value = b64encode(key.sign(manifest.signed_bytes(stored.document))).decode()
    document = manifest.with_signature(stored.document, Signature(key=key_id, value=value))
    store_of(registry).replace_document(name, version, document)
    return Signed(name, version, key_id)


def _private_key(file: Path) -> Ed25519PrivateKey:
    try:
        if file.stat().st_mode & _OTHERS:
            raise OperatorError(f"{file}: others may read this key. Fix: chmod 600 {file}")
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise OperatorError(f"{file}: {(error.strerror or 'cannot be read').lower()}.") from error
    except TypeError as error:
        raise OperatorError(
            f"{file}: has a password. Fix: openssl pkey -in {file} -out WITHOUT.pem"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise OperatorError(
            f"{file}: is no private key in PEM. Fix: openssl genpkey -algorithm ed25519"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise OperatorError(
            f"{file}: is a key of another kind. Fix: openssl genpkey -algorithm ed25519"
        )
    return key
