"""The body of a prediction request: headers that describe it, then JSON."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import orjson

from app.errors import BodyMalformedError, MediaTypeUnsupportedError, NotAcceptableError
from app.gate.bulk import read_bulk
from app.gate.call import Call
from app.gate.duplicates import refuse_duplicates

# From so many bytes on, parsing them at once pays: some fifty numbers.
BULK_BYTES: Final = 1_024
_MEMBERS: Final = {"data", "probabilities"}
# A string that never ends is one match too, so that the time stays linear in the length.
_STRING_OR_NAN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\bNaN\b', re.DOTALL)
_JSON_RANGES: Final = {"application/json", "application/*", "*/*"}


class PredictBody(NamedTuple):
    """``data`` as the caller sent it, not yet checked against a contract.

    Many rows of numbers are one float64 array already, shape (n_rows, n_values), NaN for null.
    """

    data: object
    wants_probabilities: bool


def check_media_types(call: Call) -> None:
    """Pass when the body is plain JSON in UTF-8 and the caller takes JSON.

    Raises:
        MediaTypeUnsupportedError: another type, another charset, or any content encoding.
        NotAcceptableError: ``Accept`` leaves out JSON.
    """
    if call.content_encoding is not None:
        raise MediaTypeUnsupportedError("Send the body without Content-Encoding.")
    if call.content_type != "application/json":
        _check_content_type(call.content_type or "")
    if call.accept not in {None, "*/*", "application/json"} and not _takes_json(call.accept or ""):
        raise NotAcceptableError("The answer is application/json; let Accept take it.")


def _check_content_type(content_type: str) -> None:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")}
    if media_type != "application/json" or not charsets <= {"utf-8", "utf8"}:
        raise MediaTypeUnsupportedError("Send 'Content-Type: application/json', in UTF-8.")


def _takes_json(accept: str) -> bool:
    for part in accept.lower().split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        refused = any(re.fullmatch(r"q=0(\.0*)?", parameter) for parameter in parameters)
        if media_range in _JSON_RANGES and not refused:
            return True
    return False


def decode(body: bytes) -> PredictBody:
    """Read the members of the body.

    Raises:
        BodyMalformedError: it is no JSON object with ``data``, or holds something else.
        InputInvalidError: a row names a feature twice.
    """
    if len(body) >= BULK_BYTES:
        bulk = read_bulk(body)
        if bulk is not None:
            return PredictBody(*bulk)
    return decode_exactly(body)


def decode_exactly(body: bytes) -> PredictBody:
    """Do as ``decode``, with ``data`` as plain lists or objects: the judge of every body."""
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        body = _with_null_for_nan(body, error)
        members = _loads(body)
    if type(members) is not dict or "data" not in members:
        raise BodyMalformedError("The body must be an object with 'data', a list of rows.")
    data = members["data"]
    wanted = len(members) > 1 and _wish(members)
    # As many quotes as the names of the outermost object have: there are no other names.
    if body.count(b'"') != 2 * len(members):
        refuse_duplicates(body, len(members), data)
    return PredictBody(data, wanted)


def _wish(members: dict[str, object]) -> bool:
    if not members.keys() <= _MEMBERS:
        name = min(members.keys() - _MEMBERS)[:100]
        raise BodyMalformedError(f"'{name}' is not known; send 'data' and 'probabilities'.")
    wanted = members["probabilities"]
    if not isinstance(wanted, bool):
        raise BodyMalformedError("'probabilities' must be true or false.")
    return wanted


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(error) from error


def _with_null_for_nan(body: bytes, error: orjson.JSONDecodeError) -> bytes:
    """Return *body* as JSON: Python clients write a missing number as a bare NaN."""
    if b"NaN" not in body:
        raise _malformed(error) from error
    return _STRING_OR_NAN.sub(_null_for_nan, body)


def _null_for_nan(found: re.Match[bytes]) -> bytes:
    return b"null" if found[0] == b"NaN" else found[0]


def _malformed(error: orjson.JSONDecodeError) -> BodyMalformedError:
    return BodyMalformedError(f"The body is not JSON: {error.msg} at character {error.pos}.")
