"""Good rows and faulty ones, apart: for who would rather have some answers than none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from app.domain.ports import Matrix
from app.errors import FieldError, InputInvalidError

# Rows that are read together; only those among which one is faulty are read singly.
_BLOCK: Final = 64
_FORMS: Final[Mapping[type, str]] = {list: "a list", dict: "an object"}
Read = Callable[[Any], Matrix]


class Sifted(NamedTuple):
    """The rows of one request.

    Attributes:
        parts: the good ones, in their order, each part of shape (n_rows, n_features).
        kept: the number of each good row.
        faults: the first fault of each other row, in their order.
    """

    parts: list[Matrix]
    kept: Sequence[int]
    faults: list[FieldError]


def sift(read: Read, data: Any) -> Sifted:
    """Return the rows of *data* that *read* takes, and what is wrong with the others.

    Args:
        read: rows to a matrix, as ``RowReader.matrix`` or ``RowReader.checked``.
        data: a list of rows, an object of columns, or an array, shape (n_rows, n_values).

    Raises:
        InputInvalidError: there is a fault that is not of one row.
        BodyTooLargeError: there are more rows than *read* takes.
    """
    try:
        whole = read(data)
    except InputInvalidError as error:
        if any(fault.row is None for fault in error.faults):
            raise
    else:
        return Sifted([whole], range(len(whole)), [])
    parts: list[Matrix] = []
    kept: list[int] = []
    faults: list[FieldError] = []
    for numbers, found in _pieces(read, data):
        if isinstance(found, FieldError):
            faults.append(FieldError(numbers[0], found.feature, found.reason))
        else:
            parts.append(found)
            kept.extend(numbers)
    return Sifted(parts, kept, faults)


def _pieces(read: Read, data: Any) -> Iterator[tuple[range, Matrix | FieldError]]:
    """Go through the rows, by blocks where all are good, and singly where one is not."""
    n_rows = len(next(iter(data.values()))) if type(data) is dict else len(data)
    form = next((type(row) for row in data if type(row) in _FORMS), None)
    for start in range(0, n_rows, _BLOCK):
        block = range(start, min(start + _BLOCK, n_rows))
        found = _matrix(read, _rows(data, block), form)
        if not isinstance(found, FieldError):
            yield block, found
            continue
        for number in block:
            one = range(number, number + 1)
            yield one, _matrix(read, _rows(data, one), form)


def _rows(data: Any, numbers: range) -> Any:
    part = slice(numbers.start, numbers.stop)
    if type(data) is dict:
        return {name: column[part] for name, column in data.items()}
    return data[part]


def _matrix(read: Read, rows: Any, form: type | None) -> Matrix | FieldError:
    """Return *rows* as a matrix, or the first fault in them."""
    if form is not None and any(type(row) in _FORMS and type(row) is not form for row in rows):
        return FieldError(None, None, f"must be {_FORMS[form]} like the first row")
    try:
        return read(rows)
    except InputInvalidError as error:
        return error.faults[0]
