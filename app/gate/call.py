"""A request and its answer as plain values, read from a WSGI environment (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from app.errors import BodyMalformedError, BodyTooLargeError

REQUEST_ID: Final = "gatehouse.request_id"
ADDRESS: Final = "gatehouse.address"
ENDPOINT: Final = "gatehouse.endpoint"
PROBLEM: Final = "gatehouse.problem"
SUBJECT: Final = "gatehouse.subject"
MODEL: Final = "gatehouse.model"
ACCESS: Final = "gatehouse.access"  # what the view declares: public, or an action
EVIDENCE: Final = "gatehouse.evidence"  # of a prediction, for the audit log
_LONGEST_LENGTH: Final = 18  # digits of a Content-Length
DETAIL: Final = "gatehouse.detail"  # what an administrator asked for, as JSON


class Call(NamedTuple):
    """What the gate looks at in a request.

    Attributes:
        read_body: takes the most bytes that it may return.
        header: returns any other header, by name.
        model: that the route names; None for the default.
        version: that the route names; None for the one in service.
    """

    path: str
    address: str
    request_id: str
    authorization: str | None
    content_type: str | None
    content_encoding: str | None
    accept: str | None
    query: str
    read_body: Callable[[int], bytes]
    header: Callable[[str], str | None] = lambda _: None
    model: str | None = None
    version: str | None = None


class Answer(NamedTuple):
    """Status, headers and body; ``notes`` go to the envelope: for log, metrics and audit."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    notes: tuple[tuple[str, object], ...] = ()


def call_of(
    environ: Mapping[str, Any], model: str | None = None, version: str | None = None
) -> Call:
    """Return the call in *environ*, which has passed the envelope, about *model*."""
    get = environ.get
    return Call(
        path=environ["PATH_INFO"],
        address=environ[ADDRESS],
        request_id=environ[REQUEST_ID],
        authorization=get("HTTP_AUTHORIZATION"),
        content_type=get("CONTENT_TYPE"),
        content_encoding=get("HTTP_CONTENT_ENCODING"),
        accept=get("HTTP_ACCEPT"),
        query=get("QUERY_STRING", ""),
        read_body=lambda most: read_body(environ, most),
        header=lambda name: get(f"HTTP_{name.upper().replace('-', '_')}"),
        model=model,
        version=version,
    )


def read_body(environ: Mapping[str, Any], most: int) -> bytes:
    """Read the whole body in as few calls as the server allows, and not a byte over *most*.

    Raises:
        BodyTooLargeError: it is longer than *most*.
        BodyMalformedError: it ends early, or how it is sent is broken or not clear.
    """
    declared = _declared(environ, most)
    if not declared and not environ.get("wsgi.input_terminated"):
        return b""
    wanted = int(declared) if declared else most + 1
    body = _read(environ["wsgi.input"], wanted)
    if len(body) > most:
        raise BodyTooLargeError(f"The body has more than the {most} bytes that are taken.")
    if declared and len(body) < wanted:
        raise BodyMalformedError(f"The body ended after {len(body)} of {wanted} bytes.")
    return body


def _declared(environ: Mapping[str, Any], most: int) -> str:
    """Return the length that the headers tell, or nothing; raises like ``read_body``."""
    declared = environ.get("CONTENT_LENGTH") or ""
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if declared and not (declared.isascii() and declared.isdecimal()):
        raise BodyMalformedError("Content-Length is not a number.")
    if declared and coding is not None:
        raise BodyMalformedError("Content-Length and Transfer-Encoding exclude one another.")
    if coding is not None and coding.strip(" \t").lower() != "chunked":
        # Servers undo 'chunked' alone, and leave 'gzip, chunked' packed (RFC 9112, section 7).
        raise BodyMalformedError("Transfer-Encoding must be 'chunked' alone.")
    if len(declared) > _LONGEST_LENGTH:
        raise BodyTooLargeError(f"The body has more than the {most} bytes that are taken.")
    if declared and int(declared) > most:
        raise BodyTooLargeError(f"The body has {declared} bytes; at most {most} are taken.")
    return declared


def _read(stream: Any, wanted: int) -> bytes:
    parts: list[bytes] = []
    try:
        while wanted > 0 and (part := stream.read(wanted)):
            parts.append(bytes(part))
            wanted -= len(part)
    except Exception as error:
        # Each server has its own errors for a broken chunk or a lost connection.
        raise BodyMalformedError("The body could not be read to its end.") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)
