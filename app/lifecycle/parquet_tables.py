"""A training table from Parquet: a file, or a folder of them as feature materialisation writes."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import TrainingDataError
from app.lifecycle.columns import Column, check_size, matrix_of, read_words
from app.lifecycle.datasets import LEAST_ROWS, Table
from app.lifecycle.sheets import Sheet
from app.lifecycle.targets import read_targets


def from_parquet(path: Path, targets: Sequence[str], leave_out: Sequence[str] = ()) -> Table:
    """Read a Parquet file or a folder of them; a column's type says what kind of feature it is.

    Args:
        path: a file, or a folder whose folders may be named ``column=value``.
        targets: the columns to predict; none to look for outliers.
        leave_out: columns that are no features, such as an entity's key and the event's time.

    Raises:
        TrainingDataError: it cannot be read, or a column is not what is needed.
    """
    found = _read(path, [*targets, *leave_out])
    names = [name for name in found.column_names if name not in {*targets, *leave_out}]
    if not names:
        raise TrainingDataError(f"{path}: no column is left to learn from")
    if found.num_rows < LEAST_ROWS:
        raise TrainingDataError(f"{path}: has {found.num_rows} rows; {LEAST_ROWS} are needed")
    columns = [_column(path, name, found.column(name)) for name in names]
    goals = Sheet(path, {it: _cells(found.column(it)) for it in targets}, _lines(found.num_rows))
    target, is_classification = read_targets(goals, targets) if targets else (None, False)
    return Table(
        name=path.stem.lower().replace(" ", "-"),
        feature_names=tuple(names),
        features=matrix_of(columns),
        target=target,
        is_classification=is_classification,
        kinds=tuple(column.kind for column in columns),
        target_names=tuple(targets) if len(targets) > 1 else (),
    )


def _read(path: Path, needed: Sequence[str]) -> Any:
    """Return the Arrow table at *path*.

    Raises:
        TrainingDataError: it is none, or has none of the columns that are *needed*.
    """
    try:
        from pyarrow import ArrowException, dataset  # noqa: PLC0415  who trains of CSV needs none
    except ImportError as error:
        raise TrainingDataError(f"{path}: {error}. Fix: make setup-pipeline.") from error
    try:
        found = dataset.dataset(path, format="parquet", partitioning="hive").to_table()
    except (OSError, ArrowException) as error:
        problem = str(error).splitlines()[0]
        raise TrainingDataError(f"{path}: cannot be read as Parquet: {problem}") from error
    for name in needed:
        if name not in found.column_names:
            there = ", ".join(found.column_names)
            raise TrainingDataError(f"{path}: there is no column {name!r}; there is: {there}")
    return found


def _column(path: Path, name: str, values: Any) -> Column:
    """Return one feature: numbers, true and false, or text.

    Raises:
        TrainingDataError: it is neither, or holds nothing.
    """
    from pyarrow import compute, types  # noqa: PLC0415

    kind = values.type
    if types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    sheet = Sheet(path, {name: ()}, _lines(len(values)))
    if values.null_count == len(values):
        raise sheet.fault(name, "holds no value at all; leave the column out")
    if types.is_boolean(kind):
        return Column("bool", [nan if it is None else float(it) for it in values.to_pylist()])
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        numbers = compute.cast(values, "float64", safe=False)
        found = np.asarray(compute.fill_null(numbers, nan), dtype=np.float64)
        if np.isnan(found).all():
            raise sheet.fault(name, "holds no value at all; leave the column out")
        check_size(sheet, name, found)
        return Column("float", found.tolist())
    if types.is_string(kind) or types.is_large_string(kind):
        return read_words(Sheet(path, {name: _cells(values)}, sheet.lines), name)
    fix = f"--leave-out {name}"
    raise TrainingDataError(f"{path}: {name}: a model takes no {kind}. Fix: {fix}")


def _cells(values: Any) -> tuple[str, ...]:
    """Return *values* as a CSV file would hold them, true and false as digits."""
    return tuple(_cell(value) for value in values.to_pylist())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _lines(n_rows: int) -> tuple[int, ...]:
    return tuple(range(1, n_rows + 1))
