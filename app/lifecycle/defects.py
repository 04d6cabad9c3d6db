"""Spoils some rows on purpose, so that there is something to find."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from app.lifecycle.data_contract import DataContract, RecordColumn

Columns = dict[str, list[Any]]
_Spoil = Callable[[Columns, int], None]
_TEXT: Final = "twelve"
_WORD: Final = "no-such-category"


def spoil(columns: Columns, contract: DataContract, share: float, rng: np.random.Generator) -> None:
    """Give about *share* of the rows one defect each, in place.

    A key is missing, the first number is a text or out of bounds, the first category is unknown or,
    where rows must be unique, a row repeats the one before it.
    """
    ways = _ways(contract)
    if not share or not ways:
        return
    n_rows = len(next(iter(columns.values())))
    chosen = rng.random(n_rows) < share
    ways_of = rng.integers(len(ways), size=n_rows)
    for row in np.flatnonzero(chosen).tolist():
        ways[ways_of[row]](columns, row)


def _ways(contract: DataContract) -> list[_Spoil]:
    numbers = [it for it in contract.columns if it.kind in {"float", "int"}]
    bounded = [it for it in numbers if it.minimum is not None or it.maximum is not None]
    strict = [it for it in contract.columns if it.categories and it.unknown == "refuse"]
    needed = [it.name for it in contract.columns if not it.nullable]
    ways: list[_Spoil] = [partial(_put, contract.entity or it, None) for it in needed[:1]]
    ways += [partial(_put, it.name, _TEXT) for it in numbers[:1]]
    ways += [partial(_put, it.name, _beyond(it)) for it in bounded[:1]]
    ways += [partial(_put, it.name, _WORD) for it in strict[:1]]
    if contract.unique:
        ways.append(_repeat)
    return ways


def _put(name: str, value: Any, columns: Columns, row: int) -> None:
    columns[name][row] = value


def _repeat(columns: Columns, row: int) -> None:
    for column in columns.values():
        column[row] = column[row - 1] if row else column[row]


def _beyond(column: RecordColumn) -> float:
    if column.maximum is not None:
        value = column.maximum + abs(column.maximum) + 1
    else:
        value = -abs(column.minimum or 0.0) - 1
    return int(value) if column.kind == "int" else value
