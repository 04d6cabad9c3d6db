"""Cells of text as numbers, column by column, and what is wrong with those that are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import compute

from app.lifecycle.batch.extents import Refused

_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MISSING: Final = ("", "na", "nan", "-nan", "+nan", "null", "none")
_LONGEST_SHOWN: Final = 50


def mended(
    texts: pa.RecordBatch, numbers: Mapping[str, str]
) -> tuple[pa.RecordBatch, Sequence[Refused]]:
    """Return *texts* with the columns of *numbers* as float64, null for what is missing.

    Args:
        texts: every column of text.
        numbers: kind of each feature that is a number, by name.

    Returns:
        The rows, and the first cell of each row that is no number, in the order of the rows.
    """
    columns, faults = [], dict[int, Refused]()
    for name, column in zip(texts.schema.names, texts.columns, strict=True):
        if name not in numbers:
            columns.append(column)
            continue
        values, wrong = _numbers(column, numbers[name])
        columns.append(values)
        for place, cell in wrong:
            reason = f"must be a number, not {cell[:_LONGEST_SHOWN]!r}"
            faults.setdefault(place, Refused(place, name, reason))
    batch = pa.RecordBatch.from_arrays(columns, names=texts.schema.names)
    return batch, [faults[place] for place in sorted(faults)]


def _numbers(column: Any, kind: str) -> tuple[Any, list[tuple[int, str]]]:
    """Return the numbers of *column*, and place and text of each cell that is neither."""
    cells = compute.utf8_lower(compute.utf8_trim_whitespace(column))
    if kind == "bool":
        cells = compute.replace_substring_regex(cells, "^true$", "1")
        cells = compute.replace_substring_regex(cells, "^false$", "0")
    is_number = compute.match_substring_regex(cells, _NUMBER)
    values = compute.if_else(is_number, cells, None).cast(pa.float64())
    is_missing = compute.is_in(cells, pa.array(_MISSING))
    is_wrong = compute.invert(compute.or_(is_number, is_missing))
    places = compute.indices_nonzero(compute.fill_null(is_wrong, fill_value=False))
    texts = column.take(places).to_pylist()
    return values, [*zip(places.to_pylist(), texts, strict=True)]
