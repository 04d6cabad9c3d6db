"""Golden rows: what a model answered at registration, and whether it still does."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.contract import Contract, GoldenRows, Input, Value
from app.domain.parity import LARGEST_DIFFERENCE
from app.domain.ports import Engine, Matrix, Probabilities, Scores
from app.errors import ModelRejectedError

MAX_ROWS: Final = 32


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a number may be off: ``absolute`` plus ``relative`` of what is expected."""

    relative: float
    absolute: float


SAME_LIBRARY: Final = Tolerance(relative=1e-6, absolute=1e-9)
COMPILED: Final = Tolerance(relative=LARGEST_DIFFERENCE, absolute=LARGEST_DIFFERENCE)


def golden_matrix(golden: GoldenRows, takes: Input = "numbers") -> Matrix:
    """Return the golden inputs as ``RowReader`` would, null as NaN, shape (n_rows, n_features)."""
    if takes == "numbers":
        return np.array(golden.inputs, dtype=np.float64)
    if not golden.inputs:
        return np.empty((0, 0), dtype=object)
    matrix: Matrix = np.empty((len(golden.inputs), len(golden.inputs[0])), dtype=object)
    for place, column in enumerate(zip(*golden.inputs, strict=True)):
        matrix[:, place] = [_in_memory(value) for value in column]
    return matrix


def _in_memory(value: Value) -> float | str:
    if isinstance(value, str):
        return value
    return nan if value is None else float(value)


def record(matrix: Matrix, engine: Engine) -> GoldenRows:
    """Keep at most 32 rows of *matrix*, evenly spread, with the answers of *engine*."""
    picked = np.unique(np.linspace(0, len(matrix) - 1, min(MAX_ROWS, len(matrix))).astype(int))
    rows = matrix[picked]
    scores = engine.predict(rows)
    inputs = (tuple(None if v != v else v for v in row) for row in rows.tolist())  # noqa: PLR0124  NaN
    return GoldenRows(
        inputs=tuple(inputs),
        predictions=_in_tuples(scores.predictions.tolist()),
        probabilities=_by_row(scores.probabilities),
    )


def _by_row(probabilities: Probabilities | None) -> Any:
    """Return the probabilities of each row: of classes, or of targets and their classes."""
    if probabilities is None:
        return None
    if not isinstance(probabilities, tuple):
        return _in_tuples(probabilities.tolist())
    return _in_tuples([*zip(*(it.tolist() for it in probabilities), strict=True)])


def _in_tuples(values: Any) -> Any:
    return tuple(map(_in_tuples, values)) if isinstance(values, list | tuple) else values


def replay(contract: Contract, engine: Engine, tolerance: Tolerance = SAME_LIBRARY) -> None:
    """Ask *engine* the golden rows again.

    Raises:
        ModelRejectedError: a label differs, or a number by more than *tolerance*.
    """
    golden = contract.golden
    if not golden.inputs:
        return
    try:
        scores = engine.predict(golden_matrix(golden, contract.input))
    except Exception as error:
        message = f"the golden rows cannot be replayed: {type(error).__name__}: {error}"
        raise ModelRejectedError(message) from error
    wrong = int(np.count_nonzero(~_agreeing(contract, scores, tolerance)))
    if wrong:
        raise ModelRejectedError(
            f"{wrong} of {len(golden.inputs)} golden rows are answered differently than at "
            "registration (another library version or another model)"
        )


def _agreeing(contract: Contract, scores: Scores, tolerance: Tolerance) -> npt.NDArray[np.bool_]:
    """Say of each golden row whether it is answered as it was, with every target and class."""
    golden, n_rows = contract.golden, len(contract.golden.inputs)
    agrees: npt.NDArray[np.bool_]
    expected = [*golden.predictions]
    found = _in_tuples(scores.predictions.tolist())
    if contract.task == "regression":
        agrees = _close(expected, found, n_rows, tolerance)
    elif len(found) != n_rows:
        return np.zeros(n_rows, dtype=bool)
    else:
        agrees = np.array([a == b for a, b in zip(expected, found, strict=True)], dtype=bool)
    if golden.probabilities is not None:
        shares = _by_row(scores.probabilities)
        agrees = np.logical_and(
            agrees, _close(golden.probabilities, shares, n_rows, tolerance), dtype=bool
        )
    return agrees


def _close(expected: Any, found: Any, n_rows: int, tolerance: Tolerance) -> npt.NDArray[np.bool_]:
    """Say of each row whether its numbers are as expected; of another shape or kind, none is."""
    if _shape(expected) != _shape(found):
        return np.zeros(n_rows, dtype=bool)
    rows = [[*zip(_flat(a), _flat(b), strict=True)] for a, b in zip(expected, found, strict=True)]
    try:
        pairs = np.array(rows, dtype=np.float64).reshape(n_rows, -1, 2)
    except ValueError:  # an answer is no number
        return np.zeros(n_rows, dtype=bool)
    relative, absolute = tolerance.relative, tolerance.absolute
    is_close = np.isclose(pairs[..., 1], pairs[..., 0], rtol=relative, atol=absolute)
    return np.asarray(is_close.all(axis=1), dtype=bool)


def _shape(values: Any) -> Any:
    """Return the length of every sequence in *values*; None stands for a value."""
    return [_shape(value) for value in values] if isinstance(values, list | tuple) else None


def _flat(values: Any) -> list[Any]:
    if not isinstance(values, list | tuple):
        return [values]
    return [inner for value in values for inner in _flat(value)]
