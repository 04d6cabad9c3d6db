"""Rows, columns or a DataFrame -> rows that JSON can write, checked against the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatehouse_client.contract import Feature, Model
from gatehouse_client.errors import ColumnsError, DataError

_PLAIN: Final = {bool, int, str, type(None)}
_MISSING: Final = {"NAType", "NaTType"}  # of pandas, which need not be installed
_TEXTS: Final = {"category", "text"}


@dataclass(frozen=True)
class Table:
    """Columns of one length, with their names where somebody gave them."""

    names: tuple[str, ...] | None
    columns: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


@dataclass(frozen=True)
class Part:
    """Some rows of a table as a request's body; ``first_row`` is the number of the first."""

    first_row: int
    n_rows: int
    body: bytes


def table_of(data: Any, model: Model | None) -> Table:
    """Read *data*, and put it into the order of *model* when that is known.

    Args:
        data: a list of rows, each a sequence or a mapping; a mapping from names to columns; a
            DataFrame; an array, shape (n_rows, n_features). For a model that takes texts, a list
            of strings too.
        model: the contract; without it the names are sent as they are.

    Raises:
        ColumnsError: columns are missing, or none of the model's.
        DataError: there are no rows, they differ in length, or a value cannot be sent.
    """
    table = _read(data, takes_texts=model is not None and model.input == "texts")
    if not len(table):
        raise DataError("There are no rows.")
    if model is None:
        columns = [_values(column, f"column {at}") for at, column in enumerate(table.columns)]
        return Table(table.names, tuple(columns))
    found = _in_order(table, model)
    pairs = zip(model.features, found, strict=True)
    # Whoever named the columns has them sent by name: the version that answers may have them in
    # another order than the one whose contract was read.
    names = model.feature_names if table.names is not None else None
    return Table(names, tuple(_converted(column, feature) for feature, column in pairs))


def parts_of(
    table: Table, members: Mapping[str, Any], *, max_rows: int, max_bytes: int
) -> Iterator[Part]:
    """Split *table* into bodies that hold *members* and at most so many rows and bytes.

    Raises:
        DataError: a number is infinite.
    """
    first = 0
    while first < len(table):
        n_rows = min(max_rows, len(table) - first)
        body = _body(table, slice(first, first + n_rows), members)
        while len(body) > max_bytes and n_rows > 1:
            n_rows = max(1, min(n_rows // 2, n_rows * max_bytes // len(body)))
            body = _body(table, slice(first, first + n_rows), members)
        yield Part(first, n_rows, body)
        first += n_rows


def _body(table: Table, rows: slice, members: Mapping[str, Any]) -> bytes:
    columns = [column[rows] for column in table.columns]
    names = table.names
    data: Any = (
        [*zip(*columns, strict=True)] if names is None else dict(zip(names, columns, strict=True))
    )
    try:
        return json.dumps({"data": data, **members}, allow_nan=False).encode()
    except ValueError as error:
        raise DataError("An infinite number cannot be sent.") from error


def _read(data: Any, *, takes_texts: bool) -> Table:
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        names = [str(name) for name in data.columns]
        if len(set(names)) < len(names):
            raise DataError("Two columns have one name.")
        columns = [data[name].to_list() for name in data.columns]
        return Table(tuple(names), _of_one_length(columns))
    if isinstance(data, Mapping):
        columns = [_listed(column, f"column {name!r}") for name, column in data.items()]
        return Table(tuple(map(str, data)), _of_one_length(columns))
    rows = _listed(data, "the data")
    if takes_texts and rows and all(isinstance(row, str) for row in rows):
        return Table(None, (rows,))
    if rows and isinstance(rows[0], Mapping):
        return _of_mappings(rows)
    width = len(_listed(rows[0], "row 0")) if rows else 0
    for number, row in enumerate(rows):
        if len(_listed(row, f"row {number}")) != width:
            raise DataError(f"Row {number} has {len(row)} values, row 0 has {width}.")
    return Table(None, tuple(list(column) for column in zip(*rows, strict=True)))


def _listed(value: Any, what: str) -> Sequence[Any]:
    """Return *value* as a sequence: an array or a series as a list."""
    for method in ("tolist", "to_list"):
        if hasattr(value, method):
            value = getattr(value, method)()
            break
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise DataError(f"{what} must be a list of values, not {type(value).__name__}.")
    return value


def _of_one_length(columns: Sequence[Sequence[Any]]) -> tuple[Sequence[Any], ...]:
    if len({len(column) for column in columns}) > 1:
        raise DataError("The columns differ in length.")
    return tuple(columns)


def _of_mappings(rows: Sequence[Any]) -> Table:
    names = tuple(rows[0])
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or row.keys() != set(names):
            raise DataError(f"Row {number} has other names than row 0.")
    columns = tuple([row[name] for row in rows] for name in names)
    return Table(tuple(map(str, names)), columns)


def _in_order(table: Table, model: Model) -> list[Sequence[Any]]:
    wanted = model.feature_names
    if table.names is None:
        if len(table.columns) != len(wanted):
            raise DataError(
                f"The rows have {len(table.columns)} values; {model.name} takes {len(wanted)}: "
                f"{', '.join(wanted)}."
            )
        return list(table.columns)
    by_name = dict(zip(table.names, table.columns, strict=True))
    missing = [name for name in wanted if name not in by_name]
    unknown = [name for name in table.names if name not in wanted]
    if missing or unknown:
        raise ColumnsError(missing, unknown)
    return [by_name[name] for name in wanted]


def _converted(column: Sequence[Any], feature: Feature) -> list[Any]:
    values = _values(column, f"column {feature.name!r}")
    if feature.kind not in _TEXTS or {str} == {*map(type, values)}:
        return values
    return [None if value is None else _text(value, feature) for value in values]


def _text(value: Any, feature: Feature) -> str:
    """Return a category as text: a whole number as the contract writes it, 1 or 1.0."""
    text = str(value)
    if text in feature.categories or isinstance(value, bool):
        return text
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int) and f"{value}.0" in feature.categories:
        return f"{value}.0"
    return text


def _values(column: Sequence[Any], what: str) -> list[Any]:
    """Return *column* as JSON writes it, null for what is missing."""
    kinds = {*map(type, column)}
    if kinds <= _PLAIN:
        return list(column)
    if kinds <= {*_PLAIN, float}:
        return [None if value != value else value for value in column]  # noqa: PLR0124  NaN
    return [_value(value, f"row {number}, {what}") for number, value in enumerate(column)]


def _value(value: Any, where: str) -> Any:
    if type(value).__name__ in _MISSING:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return None if value != value else float(value)  # noqa: PLR0124  NaN
    if value is None or isinstance(value, bool | int | str):
        return value
    raise DataError(f"{where}: a {type(value).__name__} cannot be sent.")
