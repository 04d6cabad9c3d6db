"""The newest rows of one version, as numbers, and how far they are from its training."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from math import isnan
from typing import Any, Final

import numpy as np

from app.domain.contract import NUMBERS, Contract, Feature, Reference
from app.domain.drift_cells import OTHER, CategoryCells, Cells, cells_of, index_between
from app.domain.drift_rules import LEAST_ROWS
from app.domain.ports import FloatArray, Matrix

_MOST_ROWS: Final = 256  # of one request
_MOST_TABLE_ROWS: Final = 64  # the same, where each value must be looked at
_MOST_VALUES: Final = 16_384  # the same, with many features
_MOST_KEPT: Final = 4_194_304  # values of one version: 32 MiB


class Window:
    """Keeps the newest rows of one loaded version. ``sampled`` is for any thread, the rest for one.

    Args:
        contract: of the version.
        n_rows: that are kept.
        owner: ends with the loaded version.
    """

    def __init__(self, contract: Contract, n_rows: int, owner: object) -> None:
        self.model: Final = contract.name
        self._contract: Final = contract
        self._names: Final = contract.feature_names
        # Of thousands of features they take a second, and a request waits while a window is opened.
        self._cells: list[Cells | None] | None = None
        self._encoders: list[Callable[[Any], float] | None] = []
        if contract.input != "numbers":
            self._cells = _cells(contract)
            pairs = zip(contract.features, self._cells, strict=True)
            self._encoders = [_encoder(feature, cells) for feature, cells in pairs]
        width = len(contract.features)
        most = _MOST_ROWS if contract.input == "numbers" else _MOST_TABLE_ROWS
        self._most: Final = max(1, min(most, _MOST_VALUES // width))
        self._rows: FloatArray = np.empty((0, width))
        self._n_rows: Final = min(n_rows, max(LEAST_ROWS, _MOST_KEPT // width))
        self._owner = weakref.ref(owner)
        self.is_blind: Final = _references(contract).keys().isdisjoint(self._names)

    @property
    def is_over(self) -> bool:
        """Whether the version is loaded no more."""
        return self._owner() is None

    def sampled(self, matrix: Matrix) -> FloatArray:
        """Return some rows of *matrix*, evenly spread, that keep nothing else in memory."""
        if len(matrix) > self._most:
            matrix = matrix[:: -(-len(matrix) // self._most)]
        if not matrix.dtype.hasobject:
            return matrix if matrix.base is None else matrix.copy()
        encoders = self._encoders
        return np.array(
            [
                [it if of is None else of(it) for of, it in zip(encoders, row, strict=True)]
                for row in matrix.tolist()
            ]
        )

    def add(self, parts: list[FloatArray]) -> None:
        """Keep the rows of *parts*, the newest last."""
        rows = np.concatenate([self._rows, *parts])
        self._rows = rows[-self._n_rows :].copy()

    def indices(self) -> dict[str, float]:
        """Return the index of each feature that has one; none while there are few rows."""
        if len(self._rows) < LEAST_ROWS:
            return {}
        if self._cells is None:
            self._cells = _cells(self._contract)
        found = {}
        columns = np.ascontiguousarray(self._rows.T)
        for name, cells, column in zip(self._names, self._cells, columns, strict=True):
            if cells is not None:
                index = index_between(cells.reference, cells.count(column))
                if not isnan(index):
                    found[name] = index
        return found


def _references(contract: Contract) -> Mapping[str, Reference]:
    return {} if contract.training is None else contract.training.reference


def _cells(contract: Contract) -> list[Cells | None]:
    known = _references(contract)
    n_trained = 0 if contract.training is None else contract.training.n_rows
    return [
        cells_of(known[name], n_trained) if name in known else None
        for name in contract.feature_names
    ]


def _encoder(feature: Feature, cells: Cells | None) -> Callable[[Any], float] | None:
    """Return what makes a number of one value of a table; None where it is one already."""
    if feature.kind in NUMBERS:
        return None
    if isinstance(cells, CategoryCells):
        codes = cells.codes
        return lambda it: codes.get(it, OTHER) if isinstance(it, str) else np.nan
    return lambda it: float(len(it)) if isinstance(it, str) and it else np.nan
