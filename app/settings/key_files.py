"""Keys in files: ``<kid>.pem`` verifies tokens, ``<kid>.private.pem`` signs them; or a JWKS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from app.settings.keys import (
    KEY_ID,
    MOST_JWKS_BYTES,
    MOST_KEYS,
    Found,
    Key,
    key_of,
    read_jwks,
)

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PRIVATE: Final = ".private.pem"
PUBLIC: Final = ".pem"
_MOST_BYTES: Final = 65_536
_OTHERS: Final = 0o077
_PRIVATE_MARK: Final = b"PRIVATE KEY"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and the public one that verifies what it signs."""

    private: PrivateKey = field(repr=False)
    public: Key


def look(path: Path) -> Found:
    """Return the keys of a PEM file, or of every ``<kid>.pem`` in a folder, and what is wrong.

    In a folder ``<kid>.private.pem`` verifies nothing by itself: who removes ``<kid>.pem`` has
    withdrawn the key.
    """
    keys: list[Key] = []
    problems: list[str] = []
    unread: list[str] = []
    try:
        files = list(_pem_files(path))
    except (OSError, ValueError) as error:
        return Found((), (f"{path}: {reason_of(error)}",))
    for file in files[:MOST_KEYS]:
        try:
            keys += _verifying(file, is_alone=file == path)
        except (OSError, ValueError) as error:
            problems.append(f"{file}: {reason_of(error)}")
            unread.append(key_id(file))
    if len(files) > MOST_KEYS:
        problems.append(f"{path}: holds more than {MOST_KEYS} files")
    if not keys and not problems:
        problems.append(f"{path}: holds no {PUBLIC} file with a public key")
    return Found(tuple(keys), tuple(problems), tuple(unread))


def look_again(path: Path) -> Found:
    """Return what ``look`` does, for who has keys already.

    Raises:
        OSError: the folder is away or closed, which withdraws none of its keys.
    """
    if not path.name.endswith(PUBLIC):
        list(_pem_files(path))
    return look(path)


def look_into_jwks(path: Path) -> Found:
    """Return the keys of the JWK Set in a file, and what in it is no key for tokens.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JWK Set, or too large.
    """
    with path.open("rb") as file:
        return read_jwks(file.read(MOST_JWKS_BYTES + 1))


def newest_signing_key(path: Path) -> SigningKey | None:
    """Return the last pair by name, which begins with the time for pairs of ``jwt_tools/``.

    None when there is no private key, or none whose public one is there too.

    Raises:
        ValueError: the private key cannot be used, or does not belong to the public one.
    """
    alone = path.is_file()
    files = [path, path.with_name(key_id(path) + PRIVATE)] if alone else sorted(path.iterdir())
    for file in reversed(files):
        public = path if alone else file.with_name(key_id(file) + PUBLIC)
        try:
            if public.is_file() and _is_private(file):
                return _pair(file, public)
        except (OSError, ValueError) as error:
            raise ValueError(f"{file}: {reason_of(error)}") from error
    return None


def key_id(file: Path) -> str:
    """Return the ``kid`` that a file's name gives to the key in it."""
    return file.name.removesuffix(PRIVATE).removesuffix(PUBLIC)


def stamp(path: Path) -> object:
    """Return what changes when a key is added, replaced or removed; None when nothing is there."""
    try:
        found = [(file.name, file.stat()) for file in _pem_files(path)]
    except OSError:
        return None
    return [(name, it.st_mtime_ns, it.st_size, it.st_ino, it.st_mode) for name, it in found]


def _pem_files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        path.stat()
        yield path
        return
    for file in sorted(path.iterdir()):
        if file.name.endswith(PUBLIC) and not file.name.startswith("."):
            yield file


def _verifying(file: Path, *, is_alone: bool) -> list[Key]:
    if not is_alone and file.name.endswith(PRIVATE):
        _refuse_readable(file)
        return []
    return [key_of(_public(file), _checked_id(file))]


def _checked_id(file: Path) -> str:
    kid = key_id(file)
    if not KEY_ID.fullmatch(kid):
        raise ValueError("its name is no printable 'kid' of at most 200 letters")
    return kid


def _public(file: Path) -> object:
    content = _content(file)
    if _PRIVATE_MARK in content:
        return _private(file).public_key()
    try:
        return load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no public key in PEM") from None


def _private(file: Path) -> PrivateKey:
    _refuse_readable(file)
    try:
        private = load_pem_private_key(_content(file), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is no private key in PEM without a password") from None
    if not isinstance(private, PrivateKey):
        raise ValueError("is no RSA, P-256 or Ed25519 private key")  # noqa: TRY004  a wrong file
    return private


def _is_private(file: Path) -> bool:
    return file.name.endswith(PUBLIC) and file.is_file() and _PRIVATE_MARK in _content(file)


def _pair(file: Path, public: Path) -> SigningKey:
    private = _private(file)
    verifying = key_of(private.public_key(), _checked_id(file))
    if _public(public) != verifying.material:
        raise ValueError(f"does not belong to {public.name}")
    return SigningKey(private, verifying)


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_MOST_BYTES)


def _refuse_readable(file: Path) -> None:
    if file.stat().st_mode & _OTHERS:
        raise ValueError("others may read this private key; chmod 600 it")


def reason_of(error: OSError | ValueError) -> str:
    """Say in words why something cannot be read."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or "cannot be read"
