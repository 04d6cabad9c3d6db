"""Cells of CSV as numbers and text, column by column, and what is wrong with those that are not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import compute

from app.lifecycle.batch.extents import Refused

_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MISSING: Final = ("", "na", "nan", "-nan", "+nan", "null", "none")
_LONGEST_SHOWN: Final = 50
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
# A code point that no text has; it stands where bytes were that are no UTF-8.
_NO_TEXT: Final = "\U0010ffff"
Wrong = list[tuple[int, str]]  # the place of each cell, and the reason


def legible(records: bytes) -> bytes:
    """Return *records*, with a mark that ``mended`` finds in place of what is no UTF-8."""
    if records.isascii():
        return records
    try:
        records.decode()
    except UnicodeDecodeError:
        return _ESCAPED.sub(_NO_TEXT, records.decode(errors="surrogateescape")).encode()
    return records


def readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return *batch* with legible text, which that of other forms than CSV may not be either."""
    columns = [_marked(it) if _is_text(it.type) else it for it in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _marked(cells: Any) -> Any:
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    found = cells.cast(pa.binary()).to_pylist()
    return pa.array([None if it is None else legible(it).decode() for it in found], pa.string())


def mended(
    batch: pa.RecordBatch, numbers: Mapping[str, str]
) -> tuple[pa.RecordBatch, Sequence[Refused]]:
    """Return *batch* with the columns of *numbers* as float64, null for what is missing or wrong.

    Args:
        batch: of legible text; what is a number already stays.
        numbers: kind of each feature that is a number and still text, by name.

    Returns:
        The rows, and the first faulty cell of each row that has one, in the order of the rows.
    """
    columns, faults = [], dict[int, Refused]()
    for name, cells in zip(batch.schema.names, batch.columns, strict=True):
        kind = numbers.get(name)
        values, wrong = _texts(cells) if kind is None else _numbers(cells, kind)
        columns.append(values)
        for place, reason in wrong:
            faults.setdefault(place, Refused(place, name, reason))
    found = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    return found, [faults[place] for place in sorted(faults)]


def _texts(cells: Any) -> tuple[Any, Wrong]:
    if not pa.types.is_string(cells.type):
        return cells, []
    is_wrong = compute.fill_null(compute.match_substring(cells, _NO_TEXT), fill_value=False)
    wrong = [(place, _reason(_NO_TEXT)) for place in compute.indices_nonzero(is_wrong).to_pylist()]
    return compute.if_else(is_wrong, pa.scalar(None, pa.string()), cells), wrong


def _numbers(column: Any, kind: str) -> tuple[Any, Wrong]:
    cells = compute.utf8_lower(compute.utf8_trim_whitespace(column))
    if kind == "bool":
        cells = compute.replace_substring_regex(cells, "^true$", "1")
        cells = compute.replace_substring_regex(cells, "^false$", "0")
    is_number = compute.match_substring_regex(cells, _NUMBER)
    values = compute.if_else(is_number, cells, None).cast(pa.float64())
    is_missing = compute.is_in(cells, pa.array(_MISSING))
    is_wrong = compute.invert(compute.or_(is_number, is_missing))
    places = compute.indices_nonzero(compute.fill_null(is_wrong, fill_value=False))
    reasons = map(_reason, column.take(places).to_pylist())
    return values, [*zip(places.to_pylist(), reasons, strict=True)]


def _reason(cell: str) -> str:
    if _NO_TEXT in cell:
        return "holds bytes that are no UTF-8"
    return f"must be a number, not {cell[:_LONGEST_SHOWN]!r}"
