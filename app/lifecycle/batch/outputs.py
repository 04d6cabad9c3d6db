"""What is written of each row, and how: as Parquet, CSV or Arrow's file format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import csv, ipc, parquet

from app.domain.contract import Contract, Outputs
from app.domain.ports import Scores
from app.lifecycle.batch.inputs import Form
from app.lifecycle.scoring import PREDICTION, columns_of

ROW: Final = "row"
MODEL: Final = "model"
VERSION: Final = "version"
SCORED_AT: Final = "scored_at"
CONSTANTS: Final = (MODEL, VERSION, SCORED_AT)
_WORD: Final = pa.dictionary(pa.int8(), pa.string())
_TIME: Final = pa.timestamp("us", tz="UTC")
_GROUP_ROWS: Final = 2**17


class Writer(Protocol):
    """Takes batches of one schema."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write *batch* behind the ones before."""
        ...


def scored_schema(contract: Contract, keys: pa.Schema) -> pa.Schema:
    """Return the columns of an answer: keys, number of the row, predictions, model and time."""
    answers = [pa.field(name, kind, nullable=False) for name, kind in _answers(contract).items()]
    fixed = [
        pa.field(MODEL, _WORD, nullable=False),
        pa.field(VERSION, _WORD, nullable=False),
        pa.field(SCORED_AT, _TIME, nullable=False),
    ]
    return pa.schema([*_renamed(keys), _row_field(), *answers, *fixed])


def rejected_schema(keys: pa.Schema) -> pa.Schema:
    """Return the columns of a row without an answer: keys, its number, feature and reason."""
    said = [pa.field("feature", pa.string()), pa.field("reason", pa.string(), nullable=False)]
    return pa.schema([*_renamed(keys), _row_field(), *said])


def reserved(contract: Contract) -> set[str]:
    """Return the names that no key may have."""
    return {ROW, *CONSTANTS, *_answers(contract), "feature", "reason"}


@contextmanager
def writer_to(path: Path, schema: pa.Schema, form: Form) -> Iterator[Writer]:
    """Give what writes batches of *schema* to *path*."""
    if form == "csv":
        with csv.CSVWriter(str(path), _plain(schema)) as writer:
            yield _Plain(writer, _plain(schema))
    elif form == "arrow":
        with ipc.new_file(str(path), schema) as writer:
            yield writer
    else:
        with _parquet_writer(path, schema) as writer:
            groups = _Grouped(writer)
            yield groups
            groups.flush()


def _parquet_writer(path: Path, schema: pa.Schema) -> Any:
    """Return a writer that does nothing to numbers that costs more than it saves.

    Numbers of rows are told by their differences, and words by number.
    """
    words = [it.name for it in schema if _is_words(it.type)] + [SCORED_AT]
    codecs = {it.name: "snappy" if it.name in words else "none" for it in schema}
    return parquet.ParquetWriter(
        path,
        schema,
        compression=codecs,
        use_dictionary=[name for name in words if name in codecs],
        column_encoding={ROW: "DELTA_BINARY_PACKED"},
        write_statistics=False,
    )


class _Grouped:
    """Gathers batches to row groups."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._gathered: list[pa.RecordBatch] = []
        self._n_rows = 0

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._gathered.append(batch)
        self._n_rows += batch.num_rows
        if self._n_rows >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._gathered:
            self._writer.write_table(pa.Table.from_batches(self._gathered))
        self._gathered, self._n_rows = [], 0


class _Plain:
    """Writes CSV, which has no dictionaries."""

    def __init__(self, writer: Any, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch.cast(self._schema))


def answer_arrays(contract: Contract, scores: Scores) -> list[Any]:
    """Return the columns of *scores* in the order and the types of the schema."""
    kinds = _answers(contract)
    return [
        _array(np.ascontiguousarray(column), kinds[name])
        for name, column in columns_of(contract, scores).items()
    ]


def constant_arrays(contract: Contract, scored_at: Any, n_rows: int) -> list[Any]:
    """Return *n_rows* times the model's name, its version and the time."""
    zeros = pa.array(np.zeros(n_rows, np.int8))
    words = [
        pa.DictionaryArray.from_arrays(zeros, pa.array([word]))
        for word in (contract.name, contract.version)
    ]
    return [*words, pa.repeat(pa.scalar(scored_at, _TIME), n_rows)]


def _array(column: Any, kind: pa.DataType) -> Any:
    if kind != pa.string():
        array = pa.array(column)
        return array if array.type == kind else array.cast(kind)
    return pa.array([it if isinstance(it, str) else str(it) for it in column.tolist()], kind)


def _answers(contract: Contract) -> dict[str, pa.DataType]:
    """Return the type of each column of answers."""
    outputs = contract.outputs
    kinds = {PREDICTION: _type_of(contract, outputs.classes)}
    if outputs.targets:
        kinds = {
            f"{PREDICTION}_{it.name}": _type_of(contract, it.classes) for it in outputs.targets
        }
    names = columns_of(contract, _nothing(outputs))
    return {name: kinds.get(name, pa.float64()) for name in names}


def _type_of(contract: Contract, classes: Sequence[Any] | None) -> pa.DataType:
    found = {type(it) for it in classes or ()}
    if contract.task == "regression" or found == {float}:
        return pa.float64()
    if found == {bool}:
        return pa.bool_()
    return pa.int64() if found <= {int} else pa.string()


def _nothing(outputs: Outputs) -> Scores:
    """Return the answers to no row."""
    if not outputs.targets:
        shares = np.empty((0, len(outputs.classes or ())))
        return Scores(np.empty(0), shares if outputs.has_probabilities else None)
    each = tuple(np.empty((0, len(it.classes or ()))) for it in outputs.targets)
    return Scores(np.empty((0, len(outputs.targets))), each if outputs.has_probabilities else None)


def _row_field() -> pa.Field:
    return pa.field(ROW, pa.int64(), nullable=False)


def _renamed(keys: pa.Schema) -> Iterator[pa.Field]:
    """Return the keys as fields that may be null, as in a row that nobody could read."""
    return (it.with_nullable(nullable=True).remove_metadata() for it in keys)


def _plain(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [
            it.with_type(it.type.value_type) if pa.types.is_dictionary(it.type) else it
            for it in schema
        ]
    )


def _is_words(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_dictionary(kind) or types.is_string(kind) or types.is_large_string(kind))
