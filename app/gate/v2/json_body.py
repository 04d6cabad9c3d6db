"""JSON of a request, without surprises: no name twice, a bare NaN as null."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

import orjson

from app.errors import BodyMalformedError
from app.gate.decode import loads

_LONGEST_NAME: Final = 100


def read_object(text: bytes) -> dict[str, Any]:
    """Return the object in *text*.

    Raises:
        BodyMalformedError: it is no JSON, no object, or names something twice.
    """
    try:
        found = loads(text)
    except orjson.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg} at character {error.pos}."
        raise BodyMalformedError(message) from error
    if type(found) is not dict:
        raise BodyMalformedError("The body must be a JSON object with 'inputs'.")
    # Each string has two quotes: as many as what was read needs leave none for a second name.
    if text.count(b'"') != 2 * _n_strings(found):
        _refuse_duplicates(text)
    return found


def _n_strings(value: object) -> int:
    """Count the names and strings in *value*, looking at lists of plain values only once."""
    waiting, count = [value], 0
    while waiting:
        part = waiting.pop()
        if type(part) is dict:
            count += len(part)
            waiting.extend(part.values())
        elif type(part) is list:
            kinds = [*map(type, part)]
            count += kinds.count(str)
            if list in kinds or dict in kinds:
                waiting.extend(it for it in part if type(it) is list or type(it) is dict)
        elif type(part) is str:
            count += 1
    return count


def _refuse_duplicates(text: bytes) -> None:
    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            name = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise BodyMalformedError(f"'{name[:_LONGEST_NAME]}' stands twice in one object.")

    try:
        json.loads(text, object_pairs_hook=look, parse_int=float)
    except RecursionError as error:
        raise BodyMalformedError("The body nests too deep.") from error
