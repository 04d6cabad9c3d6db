"""Rows of a request -> a matrix, under a contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, cast

import numpy as np

from app.domain.contract import Contract
from app.domain.ports import FloatArray
from app.domain.values import Values
from app.errors import BodyTooLargeError, FieldError, InputInvalidError, ModelRejectedError

_NUMBERS: Final = {float, int}
_NUMBERS_AND_NULL: Final = {float, int, type(None)}


class RowReader:
    """Reads rows of numbers for one contract; made once, then shared by threads.

    Args:
        contract: the features, in the order of the model.
        min_value: the least number any feature may have.
        max_value: the greatest number any feature may have.
        nan_replacement: put in for a missing value where the contract says nothing.
        max_rows: rows in one request.

    Raises:
        ModelRejectedError: the contract has features that are no numbers.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        min_value: float,
        max_value: float,
        nan_replacement: float,
        max_rows: int,
    ) -> None:
        features = contract.features
        unread = sorted({f.kind for f in features} - {"float", "int", "bool"})
        if unread:
            raise ModelRejectedError(f"features of kind {', '.join(unread)} are not served yet")
        self._features: Final = features
        self._names: Final = contract.feature_names
        self._name_set: Final = frozenset(self._names)
        self._max_rows: Final = max_rows
        self._values: Final = Values(
            features, min_value=min_value, max_value=max_value, nan_replacement=nan_replacement
        )

    def matrix(self, data: object) -> FloatArray:
        """Return *data* as a matrix, missing values filled in, shape (n_rows, n_features).

        Args:
            data: a list of rows; a row is a list of numbers and nulls in the contract's order,
                or an object from feature name to number or null. Or all rows as one float64
                array, shape (n_rows, n_values), NaN for null, which is changed in place.

        Raises:
            InputInvalidError: a row or a value breaks the contract.
            BodyTooLargeError: more rows than allowed.
        """
        if isinstance(data, list):
            return self._from_list(data)
        if not isinstance(data, np.ndarray):
            raise _no_rows()
        self._check_size(len(data))
        if data.shape[1] != len(self._names):
            raise InputInvalidError(list(_first(self._shape_faults(data))))
        return self.checked(data)

    def checked(self, matrix: FloatArray) -> FloatArray:
        """Return *matrix* when its values keep the contract, missing ones filled in, in place.

        Args:
            matrix: float64, shape (n_rows, n_features), n_rows 1 or more, NaN for missing values.

        Raises:
            InputInvalidError: a value breaks the contract.
        """
        return self._values.checked(matrix)

    def outside_training(self, matrix: FloatArray) -> int:
        """Count the values outside the range seen in training; NaN counts as inside."""
        return self._values.outside_training(matrix)

    def _from_list(self, data: list[Any]) -> FloatArray:
        if len(data) == 1:
            row = self._in_order(data[0])
            if row is not None and self._values.surely_hold(row):
                return np.array([row], dtype=np.float64)
        rows = self._as_lists(data)
        if not set(map(type, chain.from_iterable(rows))) <= _NUMBERS_AND_NULL:
            self._check_types(rows)
        return self.checked(np.array(rows, dtype=np.float64))

    def _in_order(self, row: Any) -> list[float] | None:
        """Return a *row* of nothing but numbers, or None when it must be looked at closely."""
        if type(row) is dict and row.keys() == self._name_set:
            row = [*map(row.__getitem__, self._names)]
        if type(row) is not list or len(row) != len(self._names):
            return None
        kinds = set(map(type, row))
        if kinds <= _NUMBERS:
            return cast("list[float]", row)
        return self._values.filled(row) if kinds <= _NUMBERS_AND_NULL else None

    def _as_lists(self, data: list[Any]) -> list[list[Any]]:
        if not data:
            raise _no_rows()
        self._check_size(len(data))
        if type(data[0]) is dict:
            return self._from_objects(data)
        if set(map(type, data)) != {list} or set(map(len, data)) != {len(self._names)}:
            raise InputInvalidError(list(_first(self._shape_faults(data))))
        return data

    def _check_size(self, n_rows: int) -> None:
        if n_rows > self._max_rows:
            raise BodyTooLargeError(f"{n_rows} rows; at most {self._max_rows} are taken.")

    def _shape_faults(self, data: Sequence[Any] | FloatArray) -> Iterator[FieldError]:
        wanted = len(self._names)
        for number, row in enumerate(data):
            if not isinstance(row, list | np.ndarray):
                yield FieldError(number, None, f"must be a list of {wanted} values")
            elif len(row) != wanted:
                yield FieldError(number, None, f"has {len(row)} values; {wanted} are needed")

    def _from_objects(self, data: list[Any]) -> list[list[Any]]:
        faults = list(_first(self._object_faults(data)))
        if faults:
            raise InputInvalidError(faults)
        return [[*map(row.__getitem__, self._names)] for row in data]

    def _object_faults(self, data: Sequence[object]) -> Iterator[FieldError]:
        names = self._name_set
        for number, row in enumerate(data):
            if type(row) is not dict:
                yield FieldError(number, None, "must be an object like the first row")
            elif row.keys() != names:
                for name in self._names:
                    if name not in row:
                        yield FieldError(number, name, "is absent; send null if it is missing")
                for name in row:
                    if name not in names:
                        yield FieldError(number, name[:200], "is no feature of this model")

    def _check_types(self, rows: list[list[Any]]) -> None:
        faults = list(_first(self._type_faults(rows)))
        if faults:
            raise InputInvalidError(faults)

    def _type_faults(self, rows: list[list[Any]]) -> Iterator[FieldError]:
        for number, row in enumerate(rows):
            for feature, value in zip(self._features, row, strict=True):
                allowed = (
                    _NUMBERS_AND_NULL | {bool} if feature.kind == "bool" else _NUMBERS_AND_NULL
                )
                if type(value) not in allowed:
                    reason = f"must be a number or null, not {_json_name(value)}"
                    yield FieldError(number, feature.name, reason)


def _no_rows() -> InputInvalidError:
    return InputInvalidError([FieldError(None, None, "'data' must be a list of rows")])


def _first(faults: Iterator[FieldError]) -> Iterator[FieldError]:
    for _, fault in zip(range(InputInvalidError.MAX_FAULTS), faults, strict=False):
        yield fault


def _json_name(value: object) -> str:
    names = {str: "a string", bool: "a boolean", list: "an array", dict: "an object"}
    return names.get(type(value), type(value).__name__)
