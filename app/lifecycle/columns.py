"""One column of a CSV file as values: numbers, true and false, categories or free text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Kind
from app.domain.ports import FloatArray
from app.lifecycle.sheets import Sheet, is_missing

Booleans = Mapping[str, float]
BOOLEANS: Final[Booleans] = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}
TRUE_FALSE: Final[Booleans] = {"true": 1.0, "false": 0.0}
_DIGITS: Final = {"0", "1"}
_LARGEST: Final = 1e100  # sums and squares of larger numbers overflow
_MOSTLY: Final = 0.9  # so many numbers, and the rest is taken for a slip
_MOST_CATEGORIES: Final = 100
_ROWS_PER_CATEGORY: Final = 4


class Column(NamedTuple):
    """The values of one feature.

    Attributes:
        values: a Python float each, or text; NaN where a number or a category is missing, and
            nothing ("") where free text is.
    """

    kind: Kind
    values: list[float | str]


def read_column(sheet: Sheet, name: str, booleans: Booleans = BOOLEANS) -> Column:
    """Return the column *name* with the kind that its cells have.

    Numbers are ``float``; words of *booleans*, and nothing else, ``bool``; few different texts
    ``category``; all else is ``text``. Where nearly all cells are numbers, all must be.

    Raises:
        TrainingDataError: it holds no value, a number out of range, or a text among numbers.
    """
    cells = sheet.columns[name]
    present = [cell.strip() for cell in cells if not is_missing(cell)]
    if _are_booleans({cell.lower() for cell in present}, booleans):
        return Column("bool", _each(cells, lambda cell: booleans[cell.lower()]))
    n_numbers = sum(map(is_number, present))
    if n_numbers >= _MOSTLY * len(present):
        return Column("float", read_numbers(sheet, name).tolist())
    return read_words(sheet, name)


def read_words(sheet: Sheet, name: str) -> Column:
    """Return the column *name* as categories where its different texts are few, else as texts."""
    present = [cell.strip() for cell in sheet.columns[name] if not is_missing(cell)]
    n_different = len(set(present))
    if n_different <= _MOST_CATEGORIES and n_different * _ROWS_PER_CATEGORY <= len(present):
        return read_categories(sheet, name)
    return read_texts(sheet, name)


def read_categories(sheet: Sheet, name: str) -> Column:
    """Return the column *name* as categories, whatever it looks like."""
    return Column("category", _each(sheet.columns[name], str))


def read_texts(sheet: Sheet, name: str) -> Column:
    """Return the column *name* as free text, where no word stands for a missing value."""
    return Column("text", [cell if cell.strip() else "" for cell in sheet.columns[name]])


def read_numbers(sheet: Sheet, name: str) -> FloatArray:
    """Return the column *name* as numbers, shape (n_rows,), NaN where one is missing.

    Raises:
        TrainingDataError: a cell is no number, or one that is out of range.
    """
    values = np.empty(len(sheet.lines))
    for row, cell in enumerate(sheet.columns[name]):
        if is_missing(cell):
            values[row] = np.nan
        elif is_number(cell):
            values[row] = float(cell)
        else:
            problem = f"{cell!r} is not a number; leave the cell empty where one is missing"
            raise sheet.fault(name, problem, row)
    if np.isnan(values).all():
        raise sheet.fault(name, "holds no value at all; leave the column out")
    check_size(sheet, name, values)
    return values


def is_number(cell: str) -> bool:
    """Say whether *cell* is written as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def check_size(sheet: Sheet, name: str, values: FloatArray) -> None:
    """Hold *values*, which may be NaN, to numbers that arithmetic can hold.

    Raises:
        TrainingDataError: one is infinite, or beyond 1e100.
    """
    beyond = np.flatnonzero(np.abs(values) > _LARGEST)
    if len(beyond):
        raise sheet.fault(name, f"holds a value beyond {_LARGEST:g}", int(beyond[0]))


def matrix_of(columns: Sequence[Column]) -> npt.NDArray[Any]:
    """Return *columns* as float64 where all are numbers, and else as objects."""
    dtype = np.float64 if all(column.kind in NUMBERS for column in columns) else object
    matrix = np.empty((len(columns[0].values), len(columns)), dtype=dtype)
    for place, column in enumerate(columns):
        matrix[:, place] = column.values
    return matrix


def _are_booleans(found: set[str], booleans: Booleans) -> bool:
    """Say whether all is true or false; digits alone must be both, or they are numbers."""
    if not found or not found <= booleans.keys():
        return False
    return found == _DIGITS or not found <= _DIGITS


def _each(cells: Sequence[str], value_of: Any) -> list[float | str]:
    return [nan if is_missing(cell) else value_of(cell.strip()) for cell in cells]
