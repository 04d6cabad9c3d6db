"""Rows of a request -> a matrix, under a contract."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, cast

import numpy as np

from app.domain.contract import NUMBERS, Contract
from app.domain.forms import Forms, no_rows
from app.domain.kinds import check_types
from app.domain.ports import FloatArray, Matrix
from app.domain.tables import Table
from app.domain.values import Values

_NUMBERS: Final = {float, int}
_NUMBERS_AND_NULL: Final = {float, int, type(None)}


class RowReader:
    """Reads rows for one contract; made once, then shared by threads.

    A matrix has the shape (n_rows, n_features). It is float64 where the contract's input is
    ``numbers``, with NaN for what is missing and passed on; otherwise it holds objects: a float
    for a number or a boolean, a str for a category or a text.

    Args:
        contract: the features, in the order of the model.
        min_value: the least number any feature may have.
        max_value: the greatest number any feature may have.
        nan_replacement: put in for a missing number where the contract says nothing.
        max_rows: rows in one request.

    Raises:
        ModelRejectedError: the contract fills a text with a number.
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
        self._features: Final = contract.features
        self._names: Final = contract.feature_names
        self._name_set: Final = frozenset(self._names)
        self._forms: Final = Forms(self._names, max_rows=max_rows)
        self._values: Final = Values(
            [feature for feature in contract.features if feature.kind in NUMBERS],
            min_value=min_value,
            max_value=max_value,
            nan_replacement=nan_replacement,
        )
        is_table = contract.input != "numbers"
        self._table: Final = Table(contract.features, self._values) if is_table else None
        self._takes_texts: Final = contract.input == "texts"

    def matrix(self, data: object) -> Matrix:
        """Return *data* as a matrix, missing values filled in.

        Args:
            data: a list of rows, each a list in the contract's order or an object by feature name;
                or an object of columns, each a list or an array of one length. Of a model that
                takes texts, also a list of strings. Or all rows as one array, shape (n_rows,
                n_values), NaN for null, which is changed in place.

        Raises:
            InputInvalidError: a row or a value breaks the contract.
            BodyTooLargeError: more rows than allowed.
        """
        if isinstance(data, list):
            return self._from_list(data)
        if isinstance(data, dict):
            return self._from_columns(self._forms.columns(data))
        if not isinstance(data, np.ndarray):
            raise no_rows()
        self._forms.check_width(data)
        return self.checked(data)

    def checked(self, matrix: Matrix) -> Matrix:
        """Return *matrix* when its values keep the contract, missing ones filled in.

        Args:
            matrix: shape (n_rows, n_features), n_rows 1 or more, NaN for missing values. float64
                is changed in place where the contract's input is ``numbers``.

        Raises:
            InputInvalidError: a value breaks the contract.
        """
        if self._table is None:
            return self._values.checked(matrix)
        return self._table.matrix(matrix.T.tolist())

    def outside_training(self, matrix: Matrix) -> int:
        """Count numbers outside the range seen in training, and categories that were never seen.

        What is missing counts as seen.
        """
        if self._table is None:
            return self._values.outside_training(matrix)
        return self._table.outside_training(matrix)

    def _from_list(self, data: list[Any]) -> Matrix:
        if self._table is not None:
            return self._table.matrix([*map(list, zip(*self._rows(data), strict=True))])
        if len(data) == 1:
            row = self._in_order(data[0])
            if row is not None and self._values.surely_hold(row):
                return np.array([row], dtype=np.float64)
        rows = self._forms.rows(data)
        if not set(map(type, chain.from_iterable(rows))) <= _NUMBERS_AND_NULL:
            check_types(self._features, [*map(list, zip(*rows, strict=True))])
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

    def _rows(self, data: list[Any]) -> list[list[Any]]:
        if self._takes_texts:
            data = [[it] if type(it) is str else it for it in data]
        return self._forms.rows(data)

    def _from_columns(self, columns: Sequence[Any]) -> Matrix:
        if self._table is not None:
            return self._table.matrix([*map(_as_list, columns)])
        if not all(isinstance(it, np.ndarray) and it.dtype.kind in "fiu" for it in columns):
            columns = [*map(_as_list, columns)]
            check_types(self._features, columns)
        # From the first on each column is one run in memory; the engines want each row to be one.
        matrix: FloatArray = np.array(columns, dtype=np.float64)
        return self.checked(np.ascontiguousarray(matrix.T))


def _as_list(column: Any) -> list[Any]:
    """Return *column* with its values as Python has them."""
    values: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column
    return values
