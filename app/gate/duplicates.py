"""Names that stand twice in a JSON object, of which orjson would take the second in silence.

RFC 8259, section 4: what a receiver does with them is unpredictable. So two readers of one body,
say a proxy and a model, could see two different rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from app.errors import BodyMalformedError, FieldError, InputInvalidError

_VALUES: Final = {str, int, float, bool, type(None)}
_COLUMNS: Final[frozenset[type]] = frozenset({list})
_ROWS: Final[frozenset[type]] = frozenset({list, dict, str})
_LONGEST_NAME: Final = 200
# A quote in a string is written with one, or so.
_QUOTE: Final = b"\\u0022"
_Pairs = list[tuple[str, Any]]


def refuse_duplicates(body: bytes, n_strings: int, data: object) -> None:
    """Pass when no object in *body* names anything twice.

    A string stands in two quotes, and each quote in it is one more: as many quotes as what was
    read explains mean that nothing was left out. Only when they differ is the body read again,
    slowly, by a reader that sees every name.

    Args:
        body: what was parsed.
        n_strings: how many strings stand beside the rows.
        data: the rows in it. Rows of other things than values are refused for that elsewhere.

    Raises:
        BodyMalformedError: the outermost object, or one of columns, has a name twice.
        InputInvalidError: a row names a feature twice.
    """
    if type(data) is list and data and type(data[0]) is dict:
        n_names = sum([len(row) for row in data if type(row) is dict])
        if body.count(b'"') == 2 * (n_strings + n_names):
            return
    strings = _strings(data)
    if strings is not None and not _explains(body, n_strings, strings):
        _read_again(body)


def name_that_stands_twice(text: bytes, row: object) -> str | None:
    """Return a name that stands twice in the JSON *text*, which was read as *row*; None else."""
    if type(row) is dict and text.count(b'"') == 2 * len(row):
        return None
    strings = _strings([row])
    if strings is None or _explains(text, 0, strings):
        return None
    found: list[str] = []
    _look_at_objects(text, lambda pairs: found.extend(_twice(pairs)))
    return found[0] if found else None


def _strings(data: object) -> list[str] | None:
    """Return each name and each text of rows or columns; None when *data* is neither."""
    forms = _ROWS
    if type(data) is dict:
        named, parts, forms = [data], [*data.values()], _COLUMNS
    elif type(data) is list:
        named, parts = [row for row in data if type(row) is dict], data
    else:
        return None
    if not {*map(type, parts)} <= forms:
        return None
    values = [*chain.from_iterable(map(_values, parts))]
    if not {*map(type, values)} <= _VALUES:
        return None
    return [*chain.from_iterable(named), *(value for value in values if type(value) is str)]


def _values(row: Any) -> Iterable[Any]:
    if type(row) is str:
        return (row,)
    return row.values() if type(row) is dict else row


def _explains(text: bytes, n_strings: int, strings: list[str]) -> bool:
    n_inner = sum([string.count('"') for string in strings]) if b'\\"' in text else 0
    n_quotes = 2 * (n_strings + len(strings)) + n_inner
    return text.count(b'"') == n_quotes and _QUOTE not in text


def _read_again(body: bytes) -> None:
    rows_read = 0

    def look(pairs: _Pairs) -> object:
        nonlocal rows_read
        for name in _twice(pairs):
            if any(isinstance(value, list | dict) for _, value in pairs):
                raise BodyMalformedError(f"'{name}' stands twice.")
            raise InputInvalidError([FieldError(rows_read, name, "stands twice")])
        rows_read += 1
        return {}  # an object like any other, for whoever holds it

    _look_at_objects(body, look)


def _twice(pairs: _Pairs) -> list[str]:
    """Return the name that stands most often, if any stands twice, cut to a bearable length."""
    if len(dict(pairs)) == len(pairs):
        return []
    return [Counter(name for name, _ in pairs).most_common(1)[0][0][:_LONGEST_NAME]]


def _look_at_objects(text: bytes, look: Callable[[_Pairs], object]) -> None:
    try:
        json.loads(text, object_pairs_hook=look, parse_int=float)
    except RecursionError as error:
        raise BodyMalformedError("The body nests too deep.") from error
