"""The compact form of a signed token (RFC 7515, section 7.1): read strictly, trusted in nothing."""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from typing import Any, Final

# Two spellings of one token, such as with and without padding, would be two tokens to a memory.
_COMPACT: Final = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)


def header_of(token: str) -> dict[str, Any]:
    """Return the header that *token* was sent with.

    Raises:
        ValueError: it is no signed token; the message quotes nothing of it.
    """
    return _part(token, 1, "header")


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims that *token* makes; raises like ``header_of``."""
    return _part(token, 2, "payload")


def json_object(document: bytes) -> dict[str, Any]:
    """Return the one JSON object (RFC 8259) in *document*.

    A name that stands twice is refused, because two readers could believe two different values,
    and so are ``NaN`` and ``Infinity``, which are no JSON.

    Raises:
        ValueError: it is anything else; the message quotes nothing of it.
    """
    try:
        found = _STRICT.decode(document.decode())
    except (ValueError, RecursionError):
        raise ValueError("is no JSON in UTF-8 with names that stand once") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004  a wrong document
    return found


def _part(token: str, place: int, name: str) -> dict[str, Any]:
    if not (parts := _COMPACT.fullmatch(token)):
        raise ValueError("it is not made of three parts in base64url with dots between them")
    part = parts[place]
    try:
        return json_object(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError as error:
        raise ValueError(f"its {name} {_in_words(error)}") from None


def _in_words(error: ValueError) -> str:
    return "is no base64url" if isinstance(error, binascii.Error) else str(error)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_json(constant: str) -> None:
    raise ValueError(constant)


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_without_twins, parse_constant=_no_json)
