"""A manifest as bytes: what it says, what a signature of it covers, and which file it vouches for.

The bytes are kept as they were written. Dumping the contract again would lose what a later version
of this code adds to it, and a signature would no longer hold.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import Any

import orjson
from pydantic import ValidationError

from app.domain.compiled import Digested
from app.domain.contract import Contract, Signature
from app.errors import ModelRejectedError


def read(document: bytes) -> Contract:
    """Return the contract that *document* is.

    Parsed by the parser that finds the signed bytes, so both see one meaning: two parsers may
    disagree about a name that stands there twice.

    Raises:
        ModelRejectedError: it is none; the message names the key and the fault.
    """
    try:
        return Contract.model_validate_json(orjson.dumps(_parsed(document)))
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"])) or "the file"
        raise ModelRejectedError(f"{key}: {fault['msg']}") from error


def signed_bytes(document: bytes) -> bytes:
    """Return what an Ed25519 signature of *document* covers: all of it but the signature.

    The members are sorted and nothing stands between them, in the spirit of RFC 8785, so white
    space and order do not matter. Each artefact is covered through its size and SHA-256.
    """
    members = _parsed(document)
    members.pop("signature", None)
    return orjson.dumps(members, option=orjson.OPT_SORT_KEYS)


def digest(document: bytes) -> str:
    """Return the SHA-256 of what a signature of *document* covers: the version, signed or not."""
    return sha256(signed_bytes(document)).hexdigest()


def with_signature(document: bytes, signature: Signature) -> bytes:
    """Return *document* with *signature* in the place of any that it had."""
    members = _parsed(document) | {"signature": signature.model_dump()}
    return orjson.dumps(members, option=orjson.OPT_INDENT_2)


def key_id(public_key: bytes) -> str:
    """Return the name of a key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return sha256(public_key).hexdigest()[:16]


def check_bytes(payload: bytes, artefact: Digested) -> None:
    """Pass when size and SHA-256 of *payload* are those of the contract.

    Raises:
        ModelRejectedError: the file was truncated, changed or swapped.
    """
    if len(payload) != artefact.size_bytes:
        raise ModelRejectedError(
            f"the file has {len(payload)} bytes, its contract says {artefact.size_bytes}"
        )
    digest = sha256(payload).hexdigest()
    if not compare_digest(digest, artefact.sha256):
        raise ModelRejectedError(
            f"the file's SHA-256 is {digest[:12]}…, its contract says {artefact.sha256[:12]}…"
        )


def _parsed(document: bytes) -> dict[str, Any]:
    try:
        members = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise ModelRejectedError(f"is no JSON: {error}") from error
    if not isinstance(members, dict):
        raise ModelRejectedError("is no JSON object")
    return members
