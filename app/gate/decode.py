"""The body of a prediction request, and its form in JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from app.domain.entities import Generation
from app.domain.prediction import Wish
from app.errors import BodyMalformedError, FieldError
from app.gate.bulk import read_bulk
from app.gate.duplicates import refuse_duplicates
from app.gate.places import Places
from app.gate.wishes import NOTHING, asked_in_members

# From so many bytes on, reading them at once pays: some eighty numbers.
BULK_BYTES: Final = 1_536
# A string that never ends is one match too, so that the time stays linear in the length.
_STRING_OR_NAN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\bNaN\b', re.DOTALL)


class Gaps(NamedTuple):
    """The rows without an answer.

    Attributes:
        n_rows: of the request.
        kept: the number of each row that has one.
        faults: one of each other row, in their order.
    """

    n_rows: int
    kept: Sequence[int]
    faults: Sequence[FieldError]


class PredictBody(NamedTuple):
    """``data`` as the caller sent it, not yet checked against a contract.

    Many rows of numbers are one float64 array already, shape (n_rows, n_values), NaN for null.

    Attributes:
        wish: what is asked for besides predictions.
        is_in_order: whether ``data`` is a matrix with one column for each feature, in their order.
        skips: whether a faulty row leaves the others their answers.
        places: of the rows of a body that is made of lines, or that names entities.
        gaps: known once the rows were checked, where faulty ones are skipped.
        entities: whatever names the rows of a body without ``data``.
        generation: that the features of these entities lie in, once they were looked up.
    """

    data: object
    wish: Wish = Wish()
    is_in_order: bool = False
    skips: bool = False
    places: Places | None = None
    gaps: Gaps | None = None
    entities: object = None
    generation: Generation | None = None


def decode(body: bytes) -> PredictBody:
    """Read the members of the body.

    Raises:
        BodyMalformedError: it is no JSON object with ``data`` or ``entities``, or holds something
            else.
        InputInvalidError: a row names a feature twice.
    """
    if len(body) >= BULK_BYTES:
        bulk = read_bulk(body)
        if bulk is not None:
            rows, asked = bulk
            return PredictBody(rows, asked.wish, skips=asked.skips)
    return decode_exactly(body)


def decode_exactly(body: bytes) -> PredictBody:
    """Do as ``decode``, with ``data`` as plain lists or objects: the judge of every body."""
    try:
        members = loads(body)
    except orjson.JSONDecodeError as error:
        text = f"The body is not JSON: {error.msg} at character {error.pos}."
        raise BodyMalformedError(text) from error
    if type(members) is not dict or "data" not in members:
        return _named(members, body)
    data = members.pop("data")
    # There are strings beside the rows: the names of members, and the value of 'on_error'.
    asked, n_strings = NOTHING, 1
    if members:
        asked, n_strings = asked_in_members(members), 1 + len(members) + ("on_error" in members)
    if body.count(b'"') != 2 * n_strings:
        refuse_duplicates(body, n_strings, data)
    return PredictBody(data, asked.wish, skips=asked.skips)


def _named(members: object, body: bytes) -> PredictBody:
    """Read the members of a body without ``data``: it must name the rows instead."""
    if type(members) is not dict or "entities" not in members:
        raise BodyMalformedError("The body must be an object with 'data', a list of rows.")
    entities = members.pop("entities")
    asked = asked_in_members(members)
    refuse_duplicates(body, 1 + len(members) + ("on_error" in members), entities)
    return PredictBody(None, asked.wish, skips=asked.skips, entities=entities)


def loads(text: bytes) -> Any:
    """Return *text* in JSON; a bare NaN, as Python clients write a missing number, is None.

    Raises:
        orjson.JSONDecodeError: it is something else.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if b"NaN" not in text:
            raise
    return orjson.loads(_STRING_OR_NAN.sub(_null_for_nan, text))


def _null_for_nan(found: re.Match[bytes]) -> bytes:
    return b"null" if found[0] == b"NaN" else found[0]
