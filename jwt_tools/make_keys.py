"""Make a pair of keys: ``python jwt_tools/make_keys.py --folder keys``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.command_line import run
from app.errors import OperatorError
from app.files import PRIVATE as OWNER_ONLY
from app.files import write_atomically
from app.settings.key_files import PRIVATE, PUBLIC, PrivateKey
from app.settings.keys import thumbprint

ALGORITHMS: Final[dict[str, Callable[[], PrivateKey]]] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(public_exponent=65_537, key_size=3_072),
}
FOLDER: Final = Path("keys")


def main(argv: Sequence[str] | None = None) -> int:
    """Write ``<kid>.private.pem`` and ``<kid>.pem``, and print what the settings need."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithm", choices=tuple(ALGORITHMS), default="EdDSA")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"default: {FOLDER}")
    options = parser.parse_args(argv)
    return run(lambda: _make(options.folder, options.algorithm))


def _make(folder: Path, algorithm: str) -> int:
    kid = make_pair(folder, algorithm)
    print(f"made {folder / kid}{PUBLIC}, which verifies: gateways need it")
    print(f"made {folder / kid}{PRIVATE}, which signs: it stays with whoever makes tokens")
    print(f"settings: security.keys_path: {folder.absolute()}")
    return 0


def make_pair(folder: Path, algorithm: str) -> str:
    """Write a new pair into *folder* and return its ``kid``; a later one sorts after it.

    The public half comes first, so that nothing is ever signed that no gateway can verify.

    Raises:
        OperatorError: the folder cannot be written.
    """
    private = ALGORITHMS[algorithm]()
    public = private.public_key()
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kid = f"{moment}-{thumbprint(public)[:8]}"
    opened = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    closed = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_atomically(folder / f"{kid}{PUBLIC}", opened)
        write_atomically(folder / f"{kid}{PRIVATE}", closed, mode=OWNER_ONLY)
    except OSError as error:
        message = f"--folder {folder}: {error.strerror}. Fix: a folder to write to."
        raise OperatorError(message) from error
    return kid


if __name__ == "__main__":
    raise SystemExit(main())
