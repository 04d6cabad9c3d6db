"""Which types of values the kinds of features take, as JSON has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from app.domain.contract import NUMBERS, Feature, Kind
from app.domain.forms import first
from app.errors import FieldError, InputInvalidError

_NUMBER: Final[frozenset[type]] = frozenset({float, int, type(None)})
_WORD: Final[frozenset[type]] = frozenset({str, type(None)})
_TAKEN: Final[dict[Kind, frozenset[type]]] = {
    "float": _NUMBER,
    "int": _NUMBER,
    "bool": _NUMBER | {bool},
    "category": _WORD,
    "text": _WORD,
}
_JSON_NAMES: Final[dict[type, str]] = {
    str: "a string",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    int: "a number",
    float: "a number",
}


def check_types(features: Sequence[Feature], columns: Sequence[list[Any]]) -> None:
    """Pass when every value has a type that its feature takes; a NaN is a missing value.

    Raises:
        InputInvalidError: one has not.
    """
    if all(
        set(map(type, column)) <= _TAKEN[feature.kind]
        for feature, column in zip(features, columns, strict=True)
    ):
        return
    faults = list(first(_faults(features, columns)))
    if faults:
        raise InputInvalidError(faults)


def _faults(features: Sequence[Feature], columns: Sequence[list[Any]]) -> Iterator[FieldError]:
    for number, row in enumerate(zip(*columns, strict=True)):
        for feature, value in zip(features, row, strict=True):
            kind = type(value)
            is_nan = kind is float and value != value  # noqa: PLR0124
            if kind not in _TAKEN[feature.kind] and not is_nan:
                wanted = "a number" if feature.kind in NUMBERS else "a string"
                found = _JSON_NAMES.get(kind, kind.__name__)
                reason = f"must be {wanted} or null, not {found}"
                yield FieldError(number, feature.name, reason)
