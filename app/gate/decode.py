"""The body of a prediction request: headers that describe it, then JSON.

Arrow bodies are named here too, and read in ``arrow/request.py``.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import orjson

from app.domain.prediction import Wish
from app.errors import BodyMalformedError, MediaTypeUnsupportedError, NotAcceptableError
from app.gate.bulk import read_bulk
from app.gate.call import Call
from app.gate.duplicates import refuse_duplicates

# From so many bytes on, reading them at once pays: some eighty numbers.
BULK_BYTES: Final = 1_536
PLAIN: Final = Wish()
WITH_PROBABILITIES: Final = Wish(probabilities=True)
_MEMBERS: Final = {"data", "probabilities"}
# A string that never ends is one match too, so that the time stays linear in the length.
_STRING_OR_NAN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\bNaN\b', re.DOTALL)
JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
_TAKEN: Final = (JSON, ARROW, "application/*", "*/*")
_QUALITY: Final = re.compile(r";\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)")
_LEAST_QUALITY: Final = 0.001


class PredictBody(NamedTuple):
    """``data`` as the caller sent it, not yet checked against a contract.

    Many rows of numbers are one float64 array already, shape (n_rows, n_values), NaN for null.

    Attributes:
        wish: what is asked for besides predictions.
        is_in_order: whether ``data`` is a matrix with one column for each feature, in their order.
    """

    data: object
    wish: Wish = Wish()
    is_in_order: bool = False


def check_media_types(call: Call) -> None:
    """Pass when the body is JSON in UTF-8 or Arrow, and the caller takes one of them.

    Raises:
        MediaTypeUnsupportedError: another type, another charset, or any content encoding.
        NotAcceptableError: ``Accept`` leaves out both.
    """
    if call.content_encoding is not None:
        raise MediaTypeUnsupportedError("Send the body without Content-Encoding.")
    if call.content_type != JSON and not comes_in_arrow(call):
        _check_content_type(call.content_type or "")
    if call.accept not in {None, "*/*", JSON}:
        _check_accept(call.accept or "")


def comes_in_arrow(call: Call) -> bool:
    """Say whether the body is an Arrow stream."""
    return call.content_type != JSON and _media_type(call.content_type or "") == ARROW


def goes_out_in_arrow(call: Call) -> bool:
    """Say whether the caller names Arrow in ``Accept``, and wants it no less than JSON."""
    if call.accept is None or "arrow" not in call.accept.lower():
        return False
    qualities = _qualities(call.accept)
    return qualities.get(ARROW, 0.0) >= max(qualities.get(JSON, 0.0), _LEAST_QUALITY)


def _check_content_type(content_type: str) -> None:
    _, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")}
    if _media_type(content_type) != JSON or not charsets <= {"utf-8", "utf8"}:
        raise MediaTypeUnsupportedError(
            f"Send 'Content-Type: application/json', in UTF-8, or '{ARROW}'."
        )


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _check_accept(accept: str) -> None:
    qualities = _qualities(accept)
    if not any(qualities.get(taken, 0.0) for taken in _TAKEN):
        raise NotAcceptableError(f"The answer is application/json or {ARROW}; let Accept take one.")


def _qualities(accept: str) -> dict[str, float]:
    """Return how much each media range is wanted, from 0 to 1 (RFC 9110, section 12.5.1)."""
    qualities: dict[str, float] = {}
    for part in accept.lower().split(","):
        found = _QUALITY.search(part)
        quality = float(found[1]) if found else 1.0
        name = _media_type(part)
        qualities[name] = max(quality, qualities.get(name, 0.0))
    return qualities


def decode(body: bytes) -> PredictBody:
    """Read the members of the body.

    Raises:
        BodyMalformedError: it is no JSON object with ``data``, or holds something else.
        InputInvalidError: a row names a feature twice.
    """
    if len(body) >= BULK_BYTES:
        bulk = read_bulk(body)
        if bulk is not None:
            return PredictBody(bulk[0], WITH_PROBABILITIES if bulk[1] else PLAIN)
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
    wish = _wish(members) if len(members) > 1 else PLAIN
    # As many quotes as the names of the outermost object have: there are no other names.
    if body.count(b'"') != 2 * len(members):
        refuse_duplicates(body, len(members), data)
    return PredictBody(data, wish)


def _wish(members: dict[str, object]) -> Wish:
    if not members.keys() <= _MEMBERS:
        name = min(members.keys() - _MEMBERS)[:100]
        raise BodyMalformedError(f"'{name}' is not known; send 'data' and 'probabilities'.")
    wanted = members["probabilities"]
    if not isinstance(wanted, bool):
        raise BodyMalformedError("'probabilities' must be true or false.")
    return WITH_PROBABILITIES if wanted else PLAIN


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
