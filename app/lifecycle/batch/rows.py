"""Blocks of columns to answers and rejects, without Python for each row where all is well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from app.domain.contract import NUMBERS, Contract
from app.domain.ports import Matrix, Scores
from app.domain.prediction import ServedModel
from app.errors import FieldError, InputInvalidError, OperatorError
from app.lifecycle.batch.cells import mended, readable
from app.lifecycle.batch.extents import Block, Refused
from app.lifecycle.batch.outputs import (
    answer_arrays,
    constant_arrays,
    rejected_schema,
    scored_schema,
)
from app.lifecycle.scoring import Numbers, answered

# A look tells of twenty faults at most, and costs little: so many are had at a whole block, and
# where that was not enough, as many as it takes at a few of its rows.
_LOOKS: Final = 4
_SIEVE_ROWS: Final = 512
Check = Callable[[Matrix], Matrix]


def block_rows(model: ServedModel) -> int:
    """Return how many rows *model* is asked at once.

    The linear engine is done with a row in less time than Python needs for a call, so it gets many.
    Some estimators need memory for each row times each row that they were trained on.
    """
    return 2**16 if model.engine_name == "linear" else 2**14


class Sieved(NamedTuple):
    """Rows that keep the contract, and what is wrong with the others.

    Attributes:
        matrix: the good ones, shape (n_kept, n_features).
        kept: their places.
        faults: the first fault of each other row, in their order.
    """

    matrix: Matrix
    kept: Numbers
    faults: list[FieldError]


class Scorer:
    """Scores blocks with one model.

    Args:
        model: open and verified.
        keys: columns that go into the output.
        scored_at: told with each row.
    """

    def __init__(self, model: ServedModel, keys: pa.Schema, scored_at: Any) -> None:
        self.model: Final = model
        self._keys: Final = keys
        self._scored_at: Final = scored_at
        self._constants: list[Any] = []
        self._columns = np.empty((len(model.contract.features), 0))
        self.scored_schema: Final = scored_schema(model.contract, keys)
        self.rejected_schema: Final = rejected_schema(keys)

    def score(self, block: Block) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
        """Return the answers to *block*, and its rejects, None when there are none."""
        room, contract = self._room(len(block.rows)), self.model.contract
        try:
            matrix = matrix_of(block.batch, contract, room)
        except UnicodeDecodeError:
            batch, wrong = mended(readable(block.batch), {})
            block = block._replace(batch=batch, faults=wrong)
            matrix = matrix_of(batch, contract, room)
        sieved = sieve(self.model.reader.checked, matrix, block)
        kept, scores, faults = answered(self.model, sieved.matrix, sieved.kept, sieved.faults)
        rejects = None
        if faults or block.unreadable:
            rejects = self._rejects(block, faults)
        return self._answers(block, kept, scores), rejects

    def _room(self, n_rows: int) -> Matrix:
        """Return room for the numbers of a block, shape (n_rows, n_features).

        The linear engine gets one column after another in memory, as they come: it is thrice as
        fast so. As no answer of it refers to its input, all blocks share one room: to take memory
        anew costs more than to fill it.
        """
        width = len(self.model.contract.features)
        if self.model.engine_name != "linear":
            return np.empty((n_rows, width))
        if n_rows > self._columns.shape[1]:
            self._columns = np.empty((width, n_rows))
        return self._columns[:, :n_rows].T

    def _answers(self, block: Block, kept: Numbers, scores: Scores | None) -> pa.RecordBatch:
        if scores is None:
            return pa.RecordBatch.from_pylist([], self.scored_schema)
        batch, rows = block.batch, block.rows
        if len(kept) < len(rows):
            batch, rows = batch.take(pa.array(kept)), rows[kept]
        contract = self.model.contract
        columns = [
            *self._key_arrays(batch),
            pa.array(rows),
            *answer_arrays(contract, scores),
            *self._constant_arrays(len(rows)),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.scored_schema)

    def _rejects(self, block: Block, faults: Sequence[FieldError]) -> pa.RecordBatch:
        places = [it.row or 0 for it in faults]
        lost = len(block.unreadable)
        keys = [
            pa.concat_arrays([it.take(pa.array(places, pa.int64())), pa.nulls(lost, it.type)])
            for it in self._key_arrays(block.batch)
        ]
        numbers = [*block.rows[places].tolist(), *(it.row for it in block.unreadable)]
        told: list[FieldError | Refused] = [*faults, *block.unreadable]
        features = pa.array([it.feature for it in told], pa.string())
        reasons = pa.array([it.reason for it in told], pa.string())
        columns = [*keys, pa.array(numbers, pa.int64()), features, reasons]
        found = pa.RecordBatch.from_arrays(columns, schema=self.rejected_schema)
        return found.sort_by("row") if lost else found

    def _constant_arrays(self, n_rows: int) -> list[Any]:
        """Return what each row says alike, made once."""
        if not self._constants or n_rows > len(self._constants[0]):
            self._constants = constant_arrays(self.model.contract, self._scored_at, n_rows)
        return [it.slice(0, n_rows) for it in self._constants]

    def _key_arrays(self, batch: pa.RecordBatch) -> list[Any]:
        return [_as_key(batch.column(it.name), it) for it in self._keys]


def _as_key(column: Any, key: pa.Field) -> Any:
    try:
        return column if column.type == key.type else column.cast(key.type)
    except pa.ArrowInvalid as error:
        raise OperatorError(
            f"the key {key.name!r} is {column.type} and no UTF-8: {error}. Fix: name other keys "
            "with --key, or write Parquet"
        ) from error


def matrix_of(batch: pa.RecordBatch, contract: Contract, room: Matrix) -> Matrix:
    """Return the features of *batch* in the contract's order, NaN or None for what is missing.

    Shape (n_rows, n_features): objects, or float64 in *room* for a model of numbers.
    """
    columns = [batch.column(name) for name in contract.feature_names]
    n_rows, width = batch.num_rows, len(columns)
    if contract.input == "numbers":
        for place, column in enumerate(columns):
            room[:, place] = _floats(column)
        return room
    objects = np.empty((n_rows, width), dtype=object)
    for place, (feature, column) in enumerate(zip(contract.features, columns, strict=True)):
        is_number = feature.kind in NUMBERS
        objects[:, place] = (_floats(column) if is_number else column).tolist()
    return objects


def _floats(column: Any) -> npt.NDArray[np.float64]:
    """Return numbers or booleans as float64, NaN for null."""
    if column.type != pa.float64():
        column = column.cast(pa.float64(), safe=False)
    found: npt.NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return found


def sieve(check: Check, matrix: Matrix, block: Block) -> Sieved:
    """Keep the rows of *matrix* that *check* takes, and say what is wrong with the others.

    Args:
        check: as ``RowReader.checked``; names the first faults in the order of their rows.
        matrix: of *block*; may be changed.
        block: whose cells may be faulty already.
    """
    if not len(matrix):
        return Sieved(matrix, range(0), [])
    faults = [FieldError(*it) for it in block.faults]
    numbers: Numbers = range(len(matrix))
    if faults:
        numbers = np.delete(np.arange(len(matrix)), [it.row for it in block.faults])
    for _ in range(_LOOKS):
        if not len(numbers):
            break
        try:
            rows = matrix if len(numbers) == len(matrix) else matrix[numbers]
            return Sieved(check(rows), numbers, sorted(faults, key=_place))
        except InputInvalidError as error:
            numbers = _without(numbers, error, faults)
    return _by_stretches(check, matrix, numbers, faults)


def _by_stretches(
    check: Check, matrix: Matrix, numbers: Numbers, faults: list[FieldError]
) -> Sieved:
    """Take faulty rows out of a few at a time, until none is left, or no row is."""
    parts, kept = [matrix[:0]], [np.arange(0)]
    for start in range(0, len(numbers), _SIEVE_ROWS):
        some: Numbers = numbers[start : start + _SIEVE_ROWS]
        while len(some):
            try:
                parts.append(check(matrix[some]))
            except InputInvalidError as error:
                some = _without(some, error, faults)
            else:
                kept.append(np.asarray(some))
                break
    return Sieved(np.concatenate(parts), np.concatenate(kept), sorted(faults, key=_place))


def _without(
    numbers: Numbers, error: InputInvalidError, faults: list[FieldError]
) -> npt.NDArray[np.int64]:
    """Return *numbers* but those of the rows that *error* names, which go to *faults*."""
    first: dict[int, FieldError] = {}
    for fault in error.faults:
        if fault.row is None:
            raise error
        first.setdefault(fault.row, fault)
    faults += [
        FieldError(int(numbers[place]), it.feature, it.reason) for place, it in first.items()
    ]
    return np.delete(np.asarray(numbers), [*first])


def _place(fault: FieldError) -> int:
    return fault.row or 0
