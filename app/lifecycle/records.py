"""Rows as they were read -> records that keep a contract, and why the others do not.

Pydantic decides about every value, a column at a time: that is the verdict of the schema on one
record, at a tenth of its cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil, floor
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

import numpy as np
import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_core import PydanticCustomError

from app.errors import RecordsError
from app.lifecycle.data_contract import DataContract, RecordColumn
from app.lifecycle.repeats import Repeats
from app.lifecycle.sheets import is_missing

ARROW_TYPES: Final = {
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "category": pa.string(),
    "text": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
}
_LARGEST_INT: Final = 2**63 - 1
_USUAL_WORDS: Final = frozenset({"", "NA", "NaN", "nan", "null", "NULL", "None"})
_LONGEST_LIST: Final = 100
_CONFIG: Final = ConfigDict(coerce_numbers_to_str=True, arbitrary_types_allowed=True)
_MISSING: Final = "may not be missing"


class Chunk(NamedTuple):
    """Rows as a source has them.

    Attributes:
        columns: values by name, each list as long as ``rows``.
        rows: number of each row in its file or result; the first is 1.
        lines: where each begins in a text file; empty for what has no lines.
        file: which file, of several.
        broken: rows that could not be told apart into columns; they are not in ``columns``.
        size: how much was read for these, in the source's unit of progress.
    """

    columns: dict[str, list[Any]]
    rows: Sequence[int]
    lines: Sequence[int] = ()
    file: str = ""
    broken: Sequence[Rejected] = ()
    size: int = 0


class Rejected(NamedTuple):
    """A row that is no record, and why; ``values`` are as they were read."""

    file: str
    row: int
    line: int | None
    reasons: list[str]
    values: Any


class Checked(NamedTuple):
    """The records of a chunk, in the contract's columns and types, and its other rows."""

    records: pa.Table
    rejected: list[Rejected]


def record_schema(contract: DataContract) -> type[BaseModel]:
    """Return the schema of one record, its fields under the names of the contract as aliases."""
    fields: dict[str, Any] = {
        _field(place): (
            _type_of(it) | None if it.nullable else _type_of(it),
            Field(default=None, alias=it.name) if it.nullable else Field(alias=it.name),
        )
        for place, it in enumerate(contract.columns)
    }
    return create_model("Record", __config__=_CONFIG, **fields)


def _adapter(kind: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[kind | None], config=_CONFIG)


def _field(place: int) -> str:
    return f"column_{place}"


class RecordChecker:
    """Tells records from other rows of *origin*; one for a batch, for what must be unique."""

    def __init__(self, contract: DataContract, origin: str) -> None:
        self._origin: Final = origin
        self._columns: Final = contract.columns
        types = get_type_hints(record_schema(contract), include_extras=True)
        self._adapters: Final = [
            _adapter(types[_field(place)]) for place in range(len(contract.columns))
        ]
        self._words: Final = [_words(column) for column in contract.columns]
        self._unique: Final = list(contract.unique)
        self._repeats: Final = Repeats()
        self.schema: Final = pa.schema([(it.name, ARROW_TYPES[it.kind]) for it in self._columns])

    def check(self, chunk: Chunk) -> Checked:
        """Split *chunk*; memory grows by 8 bytes a record where some columns must be unique.

        Raises:
            RecordsError: a column that may not be missing is not there at all.
        """
        self._check_names(chunk)
        faults: dict[int, list[str]] = {}
        arrays = []
        for column, adapter, words in zip(self._columns, self._adapters, self._words, strict=True):
            values = chunk.columns.get(column.name) or [None] * len(chunk.rows)
            values = [None if it in words or it != it else it for it in values]  # noqa: PLR0124  NaN
            found = _validated(column, adapter, values, faults)
            arrays.append(pa.array(found, ARROW_TYPES[column.kind]))
        records = pa.Table.from_arrays(arrays, schema=self.schema)
        is_good = np.ones(len(chunk.rows), dtype=bool)
        is_good[list(faults)] = False
        if self._unique:
            for row in self._repeats.among(records.select(self._unique), is_good):
                faults[row] = [f"{', '.join(self._unique)}: repeats an earlier record"]
                is_good[row] = False
        rejected = [*chunk.broken, *(_rejected(chunk, row, faults[row]) for row in sorted(faults))]
        rejected.sort(key=lambda it: it.row)
        return Checked(records.filter(pa.array(is_good)) if faults else records, rejected)

    def _check_names(self, chunk: Chunk) -> None:
        needed = [it.name for it in self._columns if not it.nullable]
        absent = [name for name in needed if name not in chunk.columns]
        if absent:
            of = f"{self._origin}: {chunk.file}: " if chunk.file else f"{self._origin}: "
            there = ", ".join(chunk.columns) or "none"
            raise RecordsError(
                f"{of}there is no column {', '.join(map(repr, absent))}; there is: {there}. "
                "Fix: another contract, or data with these columns (a CSV separates with commas)"
            )


def _type_of(column: RecordColumn) -> Any:
    if column.kind == "float":
        return Annotated[float, Field(ge=column.minimum, le=column.maximum, allow_inf_nan=False)]
    if column.kind == "int":
        low = -_LARGEST_INT if column.minimum is None else ceil(column.minimum)
        high = _LARGEST_INT if column.maximum is None else floor(column.maximum)
        return Annotated[int, Field(ge=_in_int64(low), le=_in_int64(high))]
    if column.kind == "bool":
        return bool
    if column.kind == "time":
        return Annotated[datetime, BeforeValidator(_as_time), AfterValidator(_in_utc)]
    if column.kind == "category" and column.categories and column.unknown == "refuse":
        known = AfterValidator(_one_of(column.categories))
        return Annotated[str, StringConstraints(strip_whitespace=True), known]
    return Annotated[str, StringConstraints(strip_whitespace=column.kind == "category")]


def _in_int64(bound: int) -> int:
    return max(-_LARGEST_INT, min(bound, _LARGEST_INT))


def _as_time(value: object) -> object:
    """Refuse numbers: nobody knows whether 20261120 is a day or a count of seconds."""
    if isinstance(value, str) and "-" in value[1:]:
        return value
    if hasattr(value, "isoformat"):
        return value
    raise PydanticCustomError("time", "should be a time, as 2026-11-20T08:00:00Z")


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("time", "is out of range") from None


def _one_of(categories: Sequence[str]) -> Any:
    known = frozenset(categories)
    listed = ", ".join(categories)
    if len(listed) > _LONGEST_LIST:
        listed = f"{listed[:_LONGEST_LIST]}…"

    def check(text: str) -> str:
        if text not in known:
            raise PydanticCustomError("category", "should be one of {listed}", {"listed": listed})
        return text

    return check


def _words(column: RecordColumn) -> frozenset[Any]:
    """Return what stands for no value: nothing, or one of the usual words where it is no value."""
    if column.kind == "text":
        return frozenset({"", None})
    return _USUAL_WORDS - set(column.categories) | {None}


def _validated(
    column: RecordColumn,
    adapter: TypeAdapter[list[Any]],
    values: list[Any],
    faults: dict[int, list[str]],
) -> list[Any]:
    """Return *values* as the column holds them, None where one is missing or faulty."""
    try:
        found = adapter.validate_python(values)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False):
            row = int(fault["loc"][0])
            value, values[row] = values[row], None
            if not (isinstance(value, str) and is_missing(value) and column.kind != "text"):
                reason = fault["msg"].removeprefix("Input ")
                faults.setdefault(row, []).append(f"{column.name}: {reason}")
        found = adapter.validate_python(values)
    if not column.nullable and None in found:
        for row, value in enumerate(found):
            if value is None and not _is_told(column, faults.get(row)):
                faults.setdefault(row, []).append(f"{column.name}: {_MISSING}")
    return found


def _is_told(column: RecordColumn, reasons: list[str] | None) -> bool:
    return reasons is not None and reasons[-1].startswith(f"{column.name}: ")


def _rejected(chunk: Chunk, row: int, reasons: list[str]) -> Rejected:
    values = {name: column[row] for name, column in chunk.columns.items()}
    line = chunk.lines[row] if chunk.lines else None
    return Rejected(chunk.file, chunk.rows[row], line, reasons, values)
