"""The schema of an Arrow stream, held against the features of a contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from app.domain.contract import NUMBERS, Feature
from app.errors import BodyMalformedError, FieldError, InputInvalidError
from app.gate.arrow.tables import Table

Storage = Literal["null", "bool", "number", "text", "coded"]
N_BUFFERS: Final[Mapping[Storage, int]] = {
    "null": 0, "bool": 2, "number": 2, "text": 3, "coded": 2,
}  # fmt: skip
_NULL, _INT, _FLOAT, _TEXT, _BOOL, _LARGE_TEXT = 1, 2, 3, 5, 6, 20
_FLOATS: Final = {0: "<f2", 1: "<f4", 2: "<f8"}
_OFFSETS: Final = {_TEXT: "<i4", _LARGE_TEXT: "<i8"}
_NO_NUMBERS: Final = "must be a plain column of numbers, booleans or nulls"
_NO_TEXTS: Final = "must be a column of text, of a dictionary of text, or of nulls"


class Field(NamedTuple):
    """A column of the stream.

    Attributes:
        feature: the place of its feature.
        storage: how its values are kept.
        dtype: of its numbers, of the offsets of its texts, or of the places in its dictionary.
        dictionary: which one; None where there is none.
        offsets: dtype of the offsets in that dictionary.
    """

    feature: int
    storage: Storage
    dtype: str = ""
    dictionary: int | None = None
    offsets: str = ""


def fields_of(schema: Table, features: Sequence[Feature]) -> list[Field]:
    """Return the columns of the stream, when they are just *features*, in any order.

    Raises:
        BodyMalformedError: there are far too many.
        InputInvalidError: there are others, or one of another kind.
    """
    if schema.number(0, "h") != 0:
        raise ValueError("not in little endian")
    n_columns = schema.count(1)
    if n_columns > len(features) + InputInvalidError.MAX_FAULTS:
        raise BodyMalformedError(f"The stream has {n_columns} columns; send one for each feature.")
    places = {feature.name: place for place, feature in enumerate(features)}
    found = [(table.text(0), table) for table in schema.tables(1)]
    faults = [*_name_faults(places, [name for name, _ in found])]
    if faults:
        raise InputInvalidError(faults)
    return [_field(places[name], features[places[name]], table) for name, table in found]


def _name_faults(places: Mapping[str, int], names: Sequence[str]) -> Iterator[FieldError]:
    sent = set(names)
    for name in places:
        if name not in sent:
            yield FieldError(None, name, "is absent; send a column of nulls if it is missing")
    for name in names:
        if name not in places:
            yield FieldError(None, name[:200], "is no feature of this model")
    if len(sent) < len(names):
        twice = min(name for name in sent if names.count(name) > 1)
        yield FieldError(None, twice[:200], "stands twice")


def _field(place: int, feature: Feature, table: Table) -> Field:
    field = _number(place, table) if feature.kind in NUMBERS else _text(place, table)
    if field is None:
        reason = _NO_NUMBERS if feature.kind in NUMBERS else _NO_TEXTS
        raise InputInvalidError([FieldError(None, feature.name, reason)])
    if field.storage == "bool" and feature.kind != "bool":
        reason = "must be a column of numbers or nulls, not of booleans"
        raise InputInvalidError([FieldError(None, feature.name, reason)])
    return field


def _number(place: int, table: Table) -> Field | None:
    kind, details = table.number(2, "B"), table.table(3)
    if table.table(4) is not None or details is None:
        return None
    if kind in {_NULL, _BOOL}:
        return Field(place, "null" if kind == _NULL else "bool")
    if kind == _FLOAT and details.number(0, "h") in _FLOATS:
        return Field(place, "number", _FLOATS[details.number(0, "h")])
    code = _integers(details) if kind == _INT else None
    return Field(place, "number", code) if code is not None else None


def _text(place: int, table: Table) -> Field | None:
    kind, coding = table.number(2, "B"), table.table(4)
    if kind == _NULL and coding is None:
        return Field(place, "null")
    if kind not in _OFFSETS:
        return None
    if coding is None:
        return Field(place, "text", _OFFSETS[kind])
    details = coding.table(1)
    code = "<i4" if details is None else _integers(details)
    if code is None:
        return None
    return Field(place, "coded", code, coding.number(0, "q"), _OFFSETS[kind])


def _integers(details: Table) -> str | None:
    """Return the dtype of an integer type; None when no such type exists."""
    n_bits = details.number(0, "i")
    if n_bits not in {8, 16, 32, 64}:
        return None
    return f"<{'i' if details.number(1, 'B') else 'u'}{n_bits // 8}"
