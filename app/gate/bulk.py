"""Many rows of numbers from JSON to one matrix, without an object for each number.

simdjson reads faster than orjson and flattens what it reads, so a body is taken from it only when
its shape is proved. Everything else, and so every refusal, is left to the exact reader: what is
taken here is, bit for bit, what that one would make of it.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
from simdjson import Array, Object, Parser

from app.domain.ports import FloatArray
from app.errors import BodyMalformedError
from app.gate.wishes import NOTHING, Asked, asked_in_members

# simdjson passes over this mark, which JSON does not have (RFC 8259, section 8.1).
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# Stands for a missing value while the body is parsed. The spaces keep it from becoming a part of
# a number beside it: what was no JSON stays none.
_GAP: Final = -6.02e299
_GAP_TEXT: Final = b" -6.02e299 "
_GAPS: Final = ((b"n", re.compile(rb"null")), (b"N", re.compile(rb"NaN")))


class _UnprovedError(ValueError):
    """The body may be right or wrong, but it is not surely rows of one width and nothing else."""


def read_bulk(body: bytes) -> tuple[FloatArray, Asked] | None:
    """Return rows and what is asked for, or None for what the exact reader must judge.

    Args:
        body: whatever was sent.

    Returns:
        float64, shape (n_rows, n_values), NaN for null and for NaN; n_rows is 1 or more.
    """
    if body.startswith(_BYTE_ORDER_MARK) or body.find(b"{") != body.rfind(b"{"):
        return None  # a second object would be a row, which is slow either way
    try:
        text, n_gaps = _with_numbers_for_gaps(body)
        values, asked = _flat(text)
        _open_gaps(values, n_gaps)
    except (ValueError, TypeError, KeyError, RuntimeError, BodyMalformedError):
        return None
    return values, asked


def _with_numbers_for_gaps(body: bytes) -> tuple[bytes, int]:
    n_gaps = 0
    for letter, word in _GAPS:
        if letter in body:  # one byte is found a hundred times as fast as a word
            body, n_found = word.subn(_GAP_TEXT, body)
            n_gaps += n_found
    return body, n_gaps


def _flat(text: bytes) -> tuple[FloatArray, Asked]:
    # A parser of one's own costs a microsecond; a shared one would need a lock.
    members = Parser().parse(text)
    if not isinstance(members, Object):
        raise _UnprovedError
    asked = _asked(members)
    rows: Any = members["data"]
    values = np.frombuffer(rows.as_buffer(of_type="d")) if isinstance(rows, Array) else None
    widths = set(map(len, rows))
    if values is None or len(widths) != 1:
        raise _UnprovedError
    # Names and wishes are known by now, so that no bracket stands in a string: as many of them as
    # there are rows, and one around, leave none for an array in a row.
    n_brackets = np.count_nonzero(np.frombuffer(text, np.uint8) == ord("["))
    if n_brackets != len(rows) + 1:
        raise _UnprovedError
    return values.reshape(len(rows), widths.pop()), asked


def _asked(members: Object) -> Asked:
    names = [*members]
    if names == ["data"]:
        return NOTHING
    if len(set(names)) < len(names):
        raise _UnprovedError
    return asked_in_members({name: members[name] for name in names if name != "data"})


def _open_gaps(values: FloatArray, n_gaps: int) -> None:
    """Make the gaps NaN, unless the body itself holds the number that stands for them."""
    if not n_gaps:
        return
    gaps = values == _GAP
    if np.count_nonzero(gaps) != n_gaps:
        raise _UnprovedError
    values[gaps] = np.nan
