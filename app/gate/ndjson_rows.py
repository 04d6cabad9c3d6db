"""Rows as NDJSON: one array or object of JSON on each line."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from app.domain.ports import FloatArray
from app.errors import BodyTooLargeError, FieldError, InputInvalidError
from app.gate.bulk import read_bulk
from app.gate.decode import BULK_BYTES, PredictBody, loads
from app.gate.duplicates import name_that_stands_twice
from app.gate.places import Places
from app.gate.wishes import Asked


def decode_ndjson(body: bytes, asked: Asked, max_rows: int) -> PredictBody:
    """Read one row of *body* from each line.

    Raises:
        InputInvalidError: there is no row, or a line is no JSON or names a feature twice, and
            faulty rows are not skipped.
        BodyTooLargeError: there are more rows than are taken.
    """
    text = body.rstrip(b" \t\r\n")
    if not text:
        raise InputInvalidError([FieldError(None, None, "the body must hold rows")])
    n_rows = text.count(b"\n") + 1
    if n_rows > max_rows:
        raise BodyTooLargeError(f"{n_rows} rows; at most {max_rows} are taken.")
    lines = Places(range(1, n_rows + 1), range(n_rows))
    rows: Any = numbers_at_once(text, n_rows) if len(text) >= BULK_BYTES else None
    if rows is None:
        rows, lines = line_by_line(text)
    if lines.faults and not asked.skips:
        raise InputInvalidError(lines.faults)
    return PredictBody(rows, asked.wish, skips=asked.skips, places=lines)


def numbers_at_once(text: bytes, n_rows: int) -> FloatArray | None:
    """Return rows of nothing but numbers and gaps, None for what must be looked at closely.

    Every line begins with a bracket, and ``read_bulk`` takes one bracket a row: so no line holds
    two rows, and no row two lines.
    """
    marks = np.frombuffer(text, np.uint8)
    begins = np.flatnonzero(marks[:-1] == ord("\n")) + 1
    if not text.startswith(b"[") or (marks[begins] != ord("[")).any():
        return None
    bulk = read_bulk(b'{"data":[' + text.replace(b"\n", b",\n") + b"]}")
    return bulk[0] if bulk is not None and len(bulk[0]) == n_rows else None


def line_by_line(text: bytes) -> tuple[list[Any], Places]:
    """Return the rows that can be read, and where each line stands: the judge of every body."""
    found = text.split(b"\n")
    lines = Places(range(1, len(found) + 1), range(len(found)))
    rows: list[Any] = []
    kept: list[int] = []
    faults: list[FieldError] = []
    for number, line in enumerate(found):
        try:
            row = loads(line)
        except orjson.JSONDecodeError as error:
            reason = f"is not JSON: {error.msg} at character {error.pos}"
            faults.append(lines.fault(number, None, reason if line.strip() else "is empty"))
            continue
        twice = name_that_stands_twice(line, row) if b'"' in line else None
        if twice is not None:
            faults.append(lines.fault(number, twice, "stands twice"))
            continue
        rows.append(row)
        kept.append(number)
    return rows, Places(lines.starts, kept, (*faults,))
