"""Cells of text -> the values of a feature."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from app.domain.contract import NUMBERS, Feature, Kind

# Python reads more than numbers as numbers: 'inf', '1_000', digits of other scripts.
_LETTERS: Final = re.compile(r"[0-9.eE+\-]+")
_MANY_LETTERS: Final = re.compile(r"[0-9.eE+\-, \t]*")
_WORDS: Final[Mapping[str, float]] = {"true": 1.0, "false": 0.0}
_BLOCK: Final = 64  # cells read together; only where one is faulty, each is looked at
Values = list[float | str | None]


def values_of(feature: Feature, cells: Sequence[str]) -> tuple[Values, dict[int, str]]:
    """Return *cells* as values of *feature*: an empty one is missing.

    Returns:
        A number, a text or None for each cell, and what is wrong with a cell, by its place.
    """
    if feature.kind not in NUMBERS:
        return [cell or None for cell in cells], {}
    numbers = _numbers(cells)
    if numbers is not None:
        return numbers, {}
    values: Values = []
    wrong: dict[int, str] = {}
    for start in range(0, len(cells), _BLOCK):
        block = cells[start : start + _BLOCK]
        numbers = _numbers(block)
        values += _one_by_one(block, start, feature.kind, wrong) if numbers is None else numbers
    return values, wrong


def _one_by_one(cells: Sequence[str], start: int, kind: Kind, wrong: dict[int, str]) -> Values:
    """Return *cells* as numbers, and note in *wrong* what they are not; places from *start* on."""
    values: Values = []
    for place, cell in enumerate(cells, start):
        try:
            values.append(_number(cell.strip(" \t"), kind))
        except ValueError as error:
            values.append(None)
            wrong[place] = str(error)
    return values


def _numbers(cells: Sequence[str]) -> Values | None:
    """Return *cells* when they are nothing but numbers and gaps, None when they may not be."""
    if not _MANY_LETTERS.fullmatch(",".join(cells)):
        return None
    try:
        values: Values = [float(cell) if cell else None for cell in cells]
    except ValueError:
        return None
    return None if inf in values or -inf in values else values


def _number(cell: str, kind: Kind) -> float | None:
    """Return the number in *cell*; raises a ValueError that says what it must be."""
    word = cell.lower()
    if word in {"", "nan"}:
        return None
    if kind == "bool" and word in _WORDS:
        return _WORDS[word]
    if not _LETTERS.fullmatch(cell):
        raise ValueError(_must_be(kind))
    try:
        value = float(cell)
    except ValueError as error:
        raise ValueError(_must_be(kind)) from error
    if value in {inf, -inf}:
        raise ValueError("is too large for a float64")
    return value


def _must_be(kind: Kind) -> str:
    words = "true, false" if kind == "bool" else "a number"
    return f"must be {words}, or empty if it is missing"
