"""The ways to write rows: as arrays, as objects, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from app.errors import BodyTooLargeError, FieldError, InputInvalidError


class Forms:
    """Knows the shapes in which rows of some features may be sent, and nothing of their values.

    Args:
        names: of the features, in the order of the model.
        max_rows: rows in one request.
    """

    def __init__(self, names: Sequence[str], *, max_rows: int) -> None:
        self._names: Final = tuple(names)
        self._name_set: Final = frozenset(names)
        self._max_rows: Final = max_rows

    def rows(self, data: list[Any]) -> list[list[Any]]:
        """Return lists of values in the order of the features.

        Raises:
            InputInvalidError: there is no row, or one is no list or object of the right size.
            BodyTooLargeError: there are more rows than allowed.
        """
        if not data:
            raise no_rows()
        self.check_size(len(data))
        if type(data[0]) is dict:
            return self._from_objects(data)
        if set(map(type, data)) != {list} or set(map(len, data)) != {len(self._names)}:
            raise InputInvalidError(list(first(self._shape_faults(data))))
        return data

    def columns(self, data: dict[str, Any]) -> list[Any]:
        """Return the columns of an object, each a list or an array, in the order of the features.

        Raises:
            InputInvalidError: there is no row, a column is absent, unknown or of another length.
            BodyTooLargeError: there are more rows than allowed.
        """
        if not data:
            raise no_rows()
        faults = list(first(self._column_faults(data)))
        if faults:
            raise InputInvalidError(faults)
        columns = [*map(data.__getitem__, self._names)]
        n_rows = len(columns[0])
        if not n_rows:
            raise no_rows()
        self.check_size(n_rows)
        for name, column in zip(self._names, columns, strict=True):
            if len(column) != n_rows:
                reason = f"has {len(column)} values; {self._names[0]!r} has {n_rows}"
                raise InputInvalidError([FieldError(None, name, reason)])
        return columns

    def check_width(self, rows: Any) -> None:
        """Pass when *rows*, shape (n_rows, n_values), are not too many and have all features."""
        self.check_size(len(rows))
        if rows.shape[1] != len(self._names):
            raise InputInvalidError(list(first(self._shape_faults(rows))))

    def check_size(self, n_rows: int) -> None:
        """Pass when so many rows are allowed."""
        if n_rows > self._max_rows:
            raise BodyTooLargeError(f"{n_rows} rows; at most {self._max_rows} are taken.")

    def _shape_faults(self, data: Any) -> Iterator[FieldError]:
        wanted = len(self._names)
        for number, row in enumerate(data):
            if not isinstance(row, list | np.ndarray):
                yield FieldError(number, None, f"must be a list of {wanted} values")
            elif len(row) != wanted:
                yield FieldError(number, None, f"has {len(row)} values; {wanted} are needed")

    def _from_objects(self, data: list[Any]) -> list[list[Any]]:
        faults = list(first(self._object_faults(data)))
        if faults:
            raise InputInvalidError(faults)
        return [[*map(row.__getitem__, self._names)] for row in data]

    def _object_faults(self, data: Sequence[object]) -> Iterator[FieldError]:
        for number, row in enumerate(data):
            if type(row) is not dict:
                yield FieldError(number, None, "must be an object like the first row")
            elif row.keys() != self._name_set:
                yield from self._name_faults(row, number, "send null if it is missing")

    def _column_faults(self, data: dict[str, Any]) -> Iterator[FieldError]:
        yield from self._name_faults(data, None, "send a list of nulls if it is missing")
        for name, column in data.items():
            if not isinstance(column, list | np.ndarray):
                yield FieldError(None, name[:200], "must be a list of values, one for each row")

    def _name_faults(
        self, sent: dict[str, Any], row: int | None, remedy: str
    ) -> Iterator[FieldError]:
        for name in self._names:
            if name not in sent:
                yield FieldError(row, name, f"is absent; {remedy}")
        for name in sent:
            if name not in self._name_set:
                yield FieldError(row, name[:200], "is no feature of this model")


def no_rows() -> InputInvalidError:
    """Return the refusal of data without rows."""
    return InputInvalidError([FieldError(None, None, "'data' must be a list of rows")])


def first(faults: Iterator[FieldError]) -> Iterator[FieldError]:
    """Return as many faults as one refusal tells."""
    return islice(faults, InputInvalidError.MAX_FAULTS)
