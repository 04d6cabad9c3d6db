"""The arithmetic in front of a head, in float64 as scikit-learn does it: fill, scale, clip."""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np

from app.adapters.engines.arrays import Arrays
from app.domain.ports import FloatArray
from app.errors import ModelRejectedError

PREFIX: Final = "step_"


class Operation(Protocol):
    """One operation on all columns."""

    def __call__(
        self, matrix: FloatArray, values: FloatArray, /, *, out: FloatArray | None
    ) -> FloatArray:
        """Return the result, in *out* if that is given and can hold it."""
        ...


Steps = tuple[tuple[Operation, FloatArray], ...]


def _fill(matrix: FloatArray, values: FloatArray, /, *, out: FloatArray | None) -> FloatArray:  # noqa: ARG001  like a ufunc
    return np.where(np.isnan(matrix), values, matrix)


_OPERATIONS: Final[dict[str, Operation]] = {
    "fill": _fill,
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def prepared(matrix: FloatArray, steps: Steps) -> FloatArray:
    """Return *matrix* after *steps*; what came in stays as it was."""
    mine: FloatArray | None = None
    for operation, values in steps:
        matrix = mine = operation(matrix, values, out=mine)
    return matrix


def steps_of(arrays: Arrays, width: int) -> Steps:
    """Return the steps in *arrays*, named ``step_<place>_<operation>``, in their order.

    Args:
        arrays: each of shape (width,).
        width: number of features.

    Raises:
        ModelRejectedError: an operation is unknown, or an array has another shape.
    """
    return tuple(
        _step(name, arrays[name], width) for name in sorted(arrays) if name.startswith(PREFIX)
    )


def _step(name: str, values: Any, width: int) -> tuple[Operation, FloatArray]:
    operation = _OPERATIONS.get(name.rpartition("_")[2])
    if operation is None or values.shape != (width,) or values.dtype != np.float64:
        raise ModelRejectedError(f"{name}: is no step for {width} features")
    return operation, values
