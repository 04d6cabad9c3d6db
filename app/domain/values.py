"""Which numbers a contract takes, feature by feature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import le, lt
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.contract import Feature
from app.domain.ports import FloatArray
from app.errors import FieldError, InputInvalidError

_ZERO_AND_ONE: Final = (0, 1)
_Mask = npt.NDArray[np.bool_]


class Values:
    """Holds numbers to the bounds and kinds of *features*, and knows what fills a gap.

    Python compares a few numbers sooner than NumPy begins, so one row has ways of its own.

    Args:
        features: in the order of the model.
        min_value: the least number any feature may have.
        max_value: the greatest number any feature may have.
        nan_replacement: put in for a missing value where the contract says nothing.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        min_value: float,
        max_value: float,
        nan_replacement: float,
    ) -> None:
        self._names: Final = [f.name for f in features]
        self._lows: Final = _bounds((f.minimum for f in features), min_value, max)
        self._highs: Final = _bounds((f.maximum for f in features), max_value, min)
        self._low: Final = np.array(self._lows)
        self._high: Final = np.array(self._highs)
        self._trained_lows: Final = _bounds((f.trained_minimum for f in features), -np.inf, max)
        self._trained_highs: Final = _bounds((f.trained_maximum for f in features), np.inf, min)
        self._trained_low: Final = np.array(self._trained_lows)
        self._trained_high: Final = np.array(self._trained_highs)
        self._fills: Final = [_fill_of(f, nan_replacement) for f in features]
        self._fill: Final = np.array(self._fills)
        self._refuses_missing: Final = np.array([_policy_of(f) == "refuse" for f in features])
        self._whole: Final = [at for at, f in enumerate(features) if f.kind == "int"]
        self._boolean: Final = [at for at, f in enumerate(features) if f.kind == "bool"]

    def filled(self, row: Sequence[float | None]) -> list[float]:
        """Return *row* with the contract's values for None; NaN where there is none to put in."""
        return [
            fill if value is None else value for value, fill in zip(row, self._fills, strict=True)
        ]

    def surely_hold(self, row: Sequence[float]) -> bool:
        """Say whether *row*, one number for each feature, is good as it is."""
        if not (all(map(le, self._lows, row)) and all(map(le, row, self._highs))):
            return False
        if any(row[at] % 1 for at in self._whole):
            return False
        return all(row[at] in _ZERO_AND_ONE for at in self._boolean)

    def checked(self, matrix: FloatArray) -> FloatArray:
        """Return *matrix* when its values keep the contract, missing ones filled in, in place.

        Args:
            matrix: float64, shape (n_rows, n_features), n_rows 1 or more, NaN for missing values.

        Raises:
            InputInvalidError: a value breaks the contract.
        """
        # Most requests lie as a whole within the tightest bounds; one with a NaN never does.
        least, most = matrix.min(), matrix.max()
        if not (max(self._lows) <= least and most <= min(self._highs)):
            self._check_bounds(matrix)
        self._check_kinds(matrix)
        if np.isnan(least):
            self._fill_in(matrix)
        return matrix

    def outside_training(self, matrix: FloatArray) -> int:
        """Count the values outside the range seen in training; NaN counts as inside."""
        if len(matrix) > 1:
            beneath = np.count_nonzero(matrix < self._trained_low)
            return int(beneath + np.count_nonzero(matrix > self._trained_high))
        [row] = matrix.tolist()
        if all(map(le, self._trained_lows, row)) and all(map(le, row, self._trained_highs)):
            return 0
        below = sum(map(lt, row, self._trained_lows))
        return int(below + sum(map(lt, self._trained_highs, row)))

    def _check_bounds(self, matrix: FloatArray) -> None:
        """Hold what was sent to the bounds; NaN, which is still to be filled in, passes."""
        beyond = (matrix < self._low) | (matrix > self._high)
        if beyond.any():
            raise InputInvalidError(
                self._faults(
                    beyond, lambda c: f"must be from {self._low[c]:.15g} to {self._high[c]:.15g}"
                )
            )

    def _check_kinds(self, matrix: FloatArray) -> None:
        if self._whole:
            columns = matrix[:, self._whole]
            broken = (np.floor(columns) != columns) & ~np.isnan(columns)
            self._refuse(broken, self._whole, "must be a whole number")
        if self._boolean:
            columns = matrix[:, self._boolean]
            unclear = (columns != 0) & (columns != 1) & ~np.isnan(columns)
            self._refuse(unclear, self._boolean, "must be true or false")

    def _refuse(self, marked: _Mask, columns: Sequence[int], reason: str) -> None:
        """Refuse the values that are *marked* in those *columns*."""
        if marked.any():
            where = np.zeros((len(marked), len(self._names)), dtype=bool)
            where[:, columns] = marked
            raise InputInvalidError(self._faults(where, lambda _: reason))

    def _fill_in(self, matrix: FloatArray) -> None:
        """Put the contract's values in for NaN; ``pass`` puts NaN in for NaN."""
        missing = np.isnan(matrix)
        refused = missing & self._refuses_missing
        if refused.any():
            raise InputInvalidError(self._faults(refused, lambda _: "may not be missing"))
        np.copyto(matrix, np.broadcast_to(self._fill, matrix.shape), where=missing)

    def _faults(self, where: _Mask, reason: Callable[[int], str]) -> list[FieldError]:
        places = np.argwhere(where)[: InputInvalidError.MAX_FAULTS]
        return [FieldError(int(r), self._names[c], reason(c)) for r, c in places]


def _bounds(own: Iterator[float | None], shared: float, tighter: Any) -> list[float]:
    return [float(shared if bound is None else tighter(bound, shared)) for bound in own]


def _policy_of(feature: Feature) -> str:
    return feature.missing.policy if feature.missing else "fill"


def _fill_of(feature: Feature, nan_replacement: float) -> float:
    if feature.missing is None:
        return nan_replacement
    return float(feature.missing.value) if feature.missing.policy == "fill" else np.nan  # type: ignore[arg-type]  # 'fill' has a value
