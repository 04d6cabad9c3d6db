"""What a hostile body is, and the model that it is sent to.

The model takes two floats, ``a`` and ``b``, from -1000 to 1000, in ``MAX_ROWS`` rows and
``MAX_BYTES`` bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_ROWS = 10
MAX_BYTES = 20_000
BOUND = 1000.0
JSON = "application/json"
GOOD = b'{"data": [[1.5, -2e2], [null, 4]], "probabilities": false}'
Place = tuple[int | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One body and its refusal: the problem's name, a part of its detail, and the first fault."""

    kind: str
    name: str
    body: bytes
    status: int = 400
    problem: str = "invalid-request"
    detail: str = ""
    fault: Place | None = None
    content_type: str | None = JSON
    content_encoding: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def malformed(kind: str, body: bytes, detail: str = "", name: str = "") -> Hostile:
    """A body that is refused as a whole."""
    return Hostile(kind=kind, name=name or shown(body), body=body, detail=detail)


def invalid(kind: str, data: bytes, place: Place, detail: str, name: str = "") -> Hostile:
    """A body whose rows break the contract, first of all at *place*: row and feature."""
    return Hostile(
        kind=kind,
        name=name or shown(data),
        body=b'{"data": ' + data + b"}",
        problem="invalid-input",
        detail=detail,
        fault=place,
    )


def shown(body: bytes) -> str:
    """Return *body*, or its beginning and length, as a part of a test's name."""
    text = repr(body)[2:-1]
    return text if len(text) <= 60 else f"{text[:40]}… {len(body)} bytes"
