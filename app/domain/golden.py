"""Golden rows: what a model answered at registration, and whether it still does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.domain.contract import Contract, GoldenRows
from app.domain.parity import LARGEST_DIFFERENCE
from app.domain.ports import Engine, Matrix, Scores
from app.errors import ModelRejectedError

MAX_ROWS: Final = 32


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a number may be off: ``absolute`` plus ``relative`` of what is expected."""

    relative: float
    absolute: float


SAME_LIBRARY: Final = Tolerance(relative=1e-6, absolute=1e-9)
COMPILED: Final = Tolerance(relative=LARGEST_DIFFERENCE, absolute=LARGEST_DIFFERENCE)


def golden_matrix(golden: GoldenRows) -> Matrix:
    """Return the golden inputs as a matrix, null as NaN, shape (n_rows, n_features)."""
    return np.array(golden.inputs, dtype=np.float64)


def record(matrix: Matrix, engine: Engine) -> GoldenRows:
    """Keep at most 32 rows of *matrix*, evenly spread, with the answers of *engine*."""
    picked = np.unique(np.linspace(0, len(matrix) - 1, min(MAX_ROWS, len(matrix))).astype(int))
    rows = matrix[picked]
    scores = engine.predict(rows)
    inputs = (tuple(None if v != v else v for v in row) for row in rows.tolist())  # noqa: PLR0124  NaN
    return GoldenRows(
        inputs=tuple(inputs),
        predictions=tuple(scores.predictions.tolist()),
        probabilities=_rounded(scores),
    )


def _rounded(scores: Scores) -> tuple[tuple[float, ...], ...] | None:
    if scores.probabilities is None:
        return None
    return tuple(map(tuple, scores.probabilities.tolist()))


def replay(contract: Contract, engine: Engine, tolerance: Tolerance = SAME_LIBRARY) -> None:
    """Ask *engine* the golden rows again.

    Raises:
        ModelRejectedError: a label differs, or a number by more than *tolerance*.
    """
    golden = contract.golden
    if not golden.inputs:
        return
    try:
        scores = engine.predict(golden_matrix(golden))
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
    golden = contract.golden
    relative, absolute = tolerance.relative, tolerance.absolute
    expected = np.array(golden.predictions)
    agrees: npt.NDArray[np.bool_]
    if scores.predictions.shape != expected.shape:
        return np.zeros(len(expected), dtype=bool)
    if contract.task == "regression":
        agrees = np.isclose(scores.predictions, expected, rtol=relative, atol=absolute)
    else:
        agrees = scores.predictions == expected
    if golden.probabilities is not None:
        shares = np.array(golden.probabilities)
        if scores.probabilities is None or scores.probabilities.shape != shares.shape:
            return np.zeros(len(expected), dtype=bool)
        agrees &= np.isclose(scores.probabilities, shares, rtol=relative, atol=absolute).all(axis=1)
    return agrees
