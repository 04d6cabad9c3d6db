"""Who vouches for a model: Ed25519 signatures (RFC 8032) of its manifest."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.domain import manifest
from app.domain.contract import Signature
from app.errors import ModelRejectedError, SettingsError

_FIX = "Fix: scripts/sign_model.py NAME VERSION --key PRIVATE.pem, and promote it"


class ModelSignatures:
    """The keys of ``security.model_keys``; without any, every manifest passes.

    Raises:
        SettingsError: a file is no Ed25519 public key in PEM.
    """

    def __init__(self, files: Iterable[Path] = ()) -> None:
        keys = [_public_key(file) for file in files]
        self._keys = {manifest.key_id(key.public_bytes_raw()): key for key in keys}

    @property
    def are_required(self) -> bool:
        """Whether a model without a signed manifest is refused."""
        return bool(self._keys)

    def check(self, document: bytes, signature: Signature | None) -> None:
        """Pass when *signature*, which *document* carries, holds, or when none is required.

        Raises:
            ModelRejectedError: there is none, or it is an unknown key's, or it does not hold.
        """
        if not self._keys:
            return
        if signature is None:
            raise ModelRejectedError(f"manifest.json: is not signed. {_FIX}")
        if signature.key not in self._keys:
            known = ", ".join(self._keys)
            message = f"is signed by key {signature.key}, security.model_keys has {known}"
            raise ModelRejectedError(f"manifest.json: {message}. {_FIX}")
        try:
            key = self._keys[signature.key]
            key.verify(b64decode(signature.value), manifest.signed_bytes(document))
        except InvalidSignature:
            message = f"was changed after key {signature.key} signed it"
            raise ModelRejectedError(f"manifest.json: {message}. {_FIX}") from None


def _public_key(file: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as error:
        problem = (error.strerror or "cannot be read").lower()
    except (ValueError, UnsupportedAlgorithm):
        problem = "is no public key in PEM"
    else:
        if isinstance(key, Ed25519PublicKey):
            return key
        problem = "is a public key of another kind than Ed25519"
    raise SettingsError(
        f"security.model_keys: {file}: {problem}. "
        "Fix: openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem, of an Ed25519 key."
    )
