"""Which media type a body comes in, and which one its answer goes out in."""

from __future__ import annotations

import re
from typing import Final

from app.errors import MediaTypeUnsupportedError, NotAcceptableError
from app.gate.call import Call

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
# Whoever names one of these wants it rather than JSON; the first one of those wanted alike.
_BESIDES_JSON: Final = (ARROW, CSV, NDJSON)
_ALL: Final = f"{JSON}, {CSV}, {NDJSON} or {ARROW}"
_CHARSETS: Final = frozenset({"utf-8", "utf8"})
_CSV_CHARSETS: Final = _CHARSETS | {"us-ascii"}
_HEADERS: Final = frozenset({"present", "absent"})
_QUALITY: Final = re.compile(r";\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)")
_LEAST_QUALITY: Final = 0.001


def type_in(call: Call) -> str:
    """Return the media type of the body.

    Raises:
        MediaTypeUnsupportedError: no such type is read, or not in that charset or with any
            content encoding.
    """
    if call.content_encoding is not None:
        raise MediaTypeUnsupportedError("Send the body without Content-Encoding.")
    if call.content_type == JSON:
        return JSON
    content_type = call.content_type or ""
    found = _media_type(content_type)
    if found == ARROW:
        return ARROW
    charsets = set(_parameters(content_type, "charset"))
    if found in {JSON, NDJSON} and charsets <= _CHARSETS:
        return found
    headers = set(_parameters(content_type, "header"))
    if found == CSV and charsets <= _CSV_CHARSETS and headers <= _HEADERS and len(headers) <= 1:
        return CSV
    raise MediaTypeUnsupportedError(
        f"Send the body as {_ALL}: text in UTF-8, CSV with 'header=present' or 'header=absent'."
    )


def names_its_columns(content_type: str | None) -> bool:
    """Say whether the first line of a CSV body holds names (RFC 4180, section 3)."""
    return "absent" not in _parameters(content_type or "", "header")


def type_out(accept: str | None) -> str:
    """Return the media type of the answer to a caller that accepts *accept*.

    JSON, unless another type is named and wanted no less, or JSON is not taken (RFC 9110,
    section 12.5.1).

    Raises:
        NotAcceptableError: it leaves all of them out.
    """
    if accept is None or accept in {"*/*", JSON}:
        return JSON
    wanted = _qualities(accept)
    named = max(_BESIDES_JSON, key=lambda name: wanted.get(name, 0.0))
    if wanted.get(named, 0.0) >= max(wanted.get(JSON, 0.0), _LEAST_QUALITY):
        return named
    for name in (JSON, *_BESIDES_JSON):
        if _quality(name, wanted):
            return name
    raise NotAcceptableError(f"The answer is {_ALL}; let Accept take one.")


def check_media_types(call: Call) -> None:
    """Pass when the body is JSON, and the caller takes JSON: for what has no other form.

    Raises:
        MediaTypeUnsupportedError: it is not.
        NotAcceptableError: the caller does not.
    """
    if type_in(call) != JSON:
        raise MediaTypeUnsupportedError("Send 'Content-Type: application/json', in UTF-8.")
    if call.accept is not None and not _quality(JSON, _qualities(call.accept)):
        raise NotAcceptableError("The answer is application/json; let Accept take it.")


def _quality(name: str, wanted: dict[str, float]) -> float:
    """Return how much *name* is wanted: the range that fits it most closely decides."""
    for of_range in (name, f"{name.partition('/')[0]}/*", "*/*"):
        if of_range in wanted:
            return wanted[of_range]
    return 0.0


def _qualities(accept: str) -> dict[str, float]:
    """Return how much each media range is wanted, from 0 to 1."""
    qualities: dict[str, float] = {}
    for part in accept.lower().split(","):
        found = _QUALITY.search(part)
        quality = float(found[1]) if found else 1.0
        name = _media_type(part)
        qualities[name] = max(quality, qualities.get(name, 0.0))
    return qualities


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _parameters(content_type: str, name: str) -> list[str]:
    """Return the values of the parameter *name*, without quotes."""
    parts = (part.strip().lower().partition("=") for part in content_type.split(";")[1:])
    return [value.strip('" ') for found, _, value in parts if found.strip() == name]
