"""Rows of a request -> a matrix, under a contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from app.domain.contract import Contract, Feature
from app.domain.ports import FloatArray
from app.errors import BodyTooLargeError, FieldError, InputInvalidError, ModelRejectedError

_NUMBERS: Final = {float, int}
_NUMBERS_AND_NULL: Final = {float, int, type(None)}
_ABSENT: Final = object()


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
        self._max_rows: Final = max_rows
        self._low: Final = _bounds((f.minimum for f in features), min_value, max)
        self._high: Final = _bounds((f.maximum for f in features), max_value, min)
        self._trained_low: Final = _bounds((f.trained_minimum for f in features), -np.inf, max)
        self._trained_high: Final = _bounds((f.trained_maximum for f in features), np.inf, min)
        self._fill: Final = np.array([_fill_of(f, nan_replacement) for f in features])
        self._refuses_missing: Final = np.array([_policy_of(f) == "refuse" for f in features])
        self._whole: Final = np.array([f.kind == "int" for f in features])
        self._boolean: Final = np.array([f.kind == "bool" for f in features])
        self._only_floats: Final = all(f.kind == "float" for f in features)

    def matrix(self, data: object) -> FloatArray:
        """Return *data* as a matrix, missing values filled in, shape (n_rows, n_features).

        Args:
            data: a list of rows; a row is a list of numbers and nulls in the contract's order,
                or an object from feature name to number or null.

        Raises:
            InputInvalidError: a row or a value breaks the contract.
            BodyTooLargeError: more rows than allowed.
        """
        rows = self._as_lists(data)
        kinds = set(map(type, chain.from_iterable(rows)))
        if not (kinds <= _NUMBERS_AND_NULL):
            self._check_types(rows)
        matrix = np.array(rows, dtype=np.float64)
        self._check_values(matrix)
        if not kinds <= _NUMBERS:
            self._fill_in(matrix)
        return matrix

    def outside_training(self, matrix: FloatArray) -> int:
        """Count the values outside the range seen in training; NaN counts as inside."""
        outside = (matrix < self._trained_low) | (matrix > self._trained_high)
        return int(np.count_nonzero(outside))

    def _as_lists(self, data: object) -> list[list[Any]]:
        if not isinstance(data, list) or not data:
            raise InputInvalidError([FieldError(None, None, "'data' must be a list of rows")])
        if len(data) > self._max_rows:
            raise BodyTooLargeError(f"{len(data)} rows; at most {self._max_rows} are taken.")
        if type(data[0]) is dict:
            return self._from_objects(data)
        wanted = len(self._names)
        for row in data:
            if type(row) is not list or len(row) != wanted:
                raise InputInvalidError(list(_first(self._shape_faults(data))))
        return data

    def _shape_faults(self, data: Sequence[object]) -> Iterator[FieldError]:
        wanted = len(self._names)
        for number, row in enumerate(data):
            if type(row) is not list:
                yield FieldError(number, None, f"must be a list of {wanted} values")
            elif len(row) != wanted:
                yield FieldError(number, None, f"has {len(row)} values; {wanted} are needed")

    def _from_objects(self, data: Sequence[object]) -> list[list[Any]]:
        faults = list(_first(self._object_faults(data)))
        if faults:
            raise InputInvalidError(faults)
        return [[row[name] for name in self._names] for row in data]  # type: ignore[index]  # checked above

    def _object_faults(self, data: Sequence[object]) -> Iterator[FieldError]:
        names = set(self._names)
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

    def _fill_in(self, matrix: FloatArray) -> None:
        """Put the contract's values in for NaN; ``pass`` puts NaN in for NaN."""
        missing = np.isnan(matrix)
        refused = missing & self._refuses_missing
        if refused.any():
            raise InputInvalidError(self._faults(refused, lambda _: "may not be missing"))
        np.copyto(matrix, np.broadcast_to(self._fill, matrix.shape), where=missing)

    def _check_values(self, matrix: FloatArray) -> None:
        """Hold what was sent to the bounds; NaN, which is still to be filled in, passes."""
        beyond = (matrix < self._low) | (matrix > self._high)
        if beyond.any():
            raise InputInvalidError(
                self._faults(
                    beyond, lambda c: f"must be from {self._low[c]:.15g} to {self._high[c]:.15g}"
                )
            )
        if self._only_floats:
            return
        broken = self._whole & (matrix % 1 != 0) & ~np.isnan(matrix)
        if broken.any():
            raise InputInvalidError(self._faults(broken, lambda _: "must be a whole number"))
        unclear = self._boolean & (matrix != 0) & (matrix != 1) & ~np.isnan(matrix)
        if unclear.any():
            raise InputInvalidError(self._faults(unclear, lambda _: "must be true or false"))

    def _faults(self, where: np.ndarray[Any, Any], reason: Any) -> list[FieldError]:
        places = np.argwhere(where)[: InputInvalidError.MAX_FAULTS]
        return [FieldError(int(r), self._names[c], reason(c)) for r, c in places]


def _first(faults: Iterator[FieldError]) -> Iterator[FieldError]:
    for _, fault in zip(range(InputInvalidError.MAX_FAULTS), faults, strict=False):
        yield fault


def _bounds(own: Iterator[float | None], shared: float, tighter: Any) -> FloatArray:
    return np.array([shared if bound is None else tighter(bound, shared) for bound in own])


def _policy_of(feature: Feature) -> str:
    return feature.missing.policy if feature.missing else "fill"


def _fill_of(feature: Feature, nan_replacement: float) -> float:
    if feature.missing is None:
        return nan_replacement
    return float(feature.missing.value) if feature.missing.policy == "fill" else np.nan  # type: ignore[arg-type]  # 'fill' has a value


def _json_name(value: object) -> str:
    names = {str: "a string", bool: "a boolean", list: "an array", dict: "an object"}
    return names.get(type(value), type(value).__name__)
