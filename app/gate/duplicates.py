"""Names that stand twice in a JSON object, of which orjson would take the second in silence.

RFC 8259, section 4: what a receiver does with them is unpredictable. So two readers of one body,
say a proxy and a model, could see two different rows.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from typing import Any, Final

from app.errors import BodyMalformedError, FieldError, InputInvalidError

_PLAIN: Final = {int, float, bool, type(None)}
_ROWS: Final = {list, dict}
_LONGEST_NAME: Final = 200


def refuse_duplicates(body: bytes, n_members: int, data: object) -> None:
    """Pass when no object in *body* names anything twice.

    A body that can be right has no strings but its names, each in two quotes: as many quotes as
    its objects have names mean that there are no more names. Only when they differ is the body
    read again, slowly, by a reader that sees every name.

    Args:
        body: what was parsed.
        n_members: how many names its outermost object has.
        data: the rows in it. Rows of other things than numbers are refused for that elsewhere.

    Raises:
        BodyMalformedError: the outermost object names a member twice.
        InputInvalidError: a row names a feature twice.
    """
    names = n_members
    if type(data) is list and data and type(data[0]) is dict:
        names += sum([len(row) for row in data if type(row) is dict])
    if body.count(b'"') != 2 * names and _holds_only_numbers(data):
        _read_again(body)


def _holds_only_numbers(data: object) -> bool:
    if type(data) is not list or not set(map(type, data)) <= _ROWS:
        return False
    values = chain.from_iterable(row.values() if type(row) is dict else row for row in data)
    return set(map(type, values)) <= _PLAIN


def _read_again(body: bytes) -> None:
    rows_read = 0

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal rows_read
        if len(dict(pairs)) < len(pairs):
            name = Counter(name for name, _ in pairs).most_common(1)[0][0][:_LONGEST_NAME]
            if any(isinstance(value, list) for _, value in pairs):
                raise BodyMalformedError(f"'{name}' stands twice.")
            raise InputInvalidError([FieldError(rows_read, name, "stands twice")])
        rows_read += 1

    try:
        json.loads(body, object_pairs_hook=look, parse_int=float)
    except RecursionError as error:
        raise BodyMalformedError("The body nests too deep.") from error
