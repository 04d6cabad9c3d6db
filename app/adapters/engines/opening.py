"""From verified bytes to the engine that the contract names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.adapters.engines.arrays import Arrays, read_arrays
from app.adapters.engines.linear import LinearEngine
from app.adapters.engines.steps import PREFIX, prepared, steps_of
from app.domain.compiled import CompiledKind
from app.domain.contract import Contract
from app.domain.ports import Engine, FloatArray, Matrix, Scores
from app.errors import ModelRejectedError

Head = Callable[[FloatArray], FloatArray]


def open_compiled(kind: CompiledKind, contract: Contract, payload: bytes) -> Engine:
    """Return the engine in *payload*, whose bytes the caller has compared with *contract*.

    Nothing is unpickled, and scikit-learn is not imported.

    Raises:
        ModelRejectedError: the bytes do not fit the contract, or a library is missing.
    """
    try:
        return _OPENERS[kind](contract, payload)
    except ModelRejectedError:
        raise
    except Exception as error:
        raise ModelRejectedError(f"{type(error).__name__}: {error}") from error


def _linear(contract: Contract, payload: bytes) -> Engine:
    width, classes = len(contract.features), contract.outputs.classes
    return LinearEngine(read_arrays(payload), width=width, classes=classes)


def _forest(contract: Contract, payload: bytes) -> Engine:
    from app.adapters.engines.forest import ForestHead  # noqa: PLC0415  brings its native kernel

    width, classes = len(contract.features), contract.outputs.classes
    arrays = read_arrays(payload)
    head = ForestHead({name: it for name, it in arrays.items() if not name.startswith(PREFIX)})
    engine = HeadEngine(arrays, head, width=width, classes=classes)
    engine.check()
    return engine


def _onnx(contract: Contract, payload: bytes) -> Engine:
    from app.adapters.engines.onnx import OnnxEngine  # noqa: PLC0415  only what is served is loaded

    return OnnxEngine(
        payload,
        width=len(contract.features),
        classes=contract.outputs.classes,
        has_probabilities=contract.outputs.has_probabilities,
    )


_OPENERS: Final[dict[CompiledKind, Callable[[Contract, bytes], Engine]]] = {
    "linear": _linear,
    "forest": _forest,
    "onnx": _onnx,
}


class HeadEngine:
    """Steps, then a head that gives probabilities, or the values of a regression.

    Args:
        arrays: among them the steps.
        head: from (n_rows, n_features) to (n_rows, n_classes), or (n_rows,) without *classes*.
        width: number of features.
        classes: in the order of the probabilities; None for a regression.
    """

    def __init__(
        self, arrays: Arrays, head: Head, *, width: int, classes: Sequence[object] | None
    ) -> None:
        self._steps: Final = steps_of(arrays, width)
        self._head: Final = head
        self._width: Final = width
        self._classes: Final[npt.NDArray[Any] | None] = (
            None if classes is None else np.array(classes)
        )

    def check(self) -> None:
        """Ask a row of zeros, and refuse a head whose answer has another shape than it should.

        Raises:
            ModelRejectedError: the head belongs to another model.
        """
        classes = self._classes
        found = self._head(np.zeros((1, self._width)))
        wanted = (1,) if classes is None else (1, len(classes))
        if found.shape != wanted:
            raise ModelRejectedError(f"the trees answer with shape {found.shape}, not {wanted}")

    def predict(self, matrix: Matrix) -> Scores:
        """Score every row of *matrix*, shape (n_rows, n_features)."""
        found = self._head(np.ascontiguousarray(prepared(matrix, self._steps)))
        if self._classes is None:
            return Scores(found, None)
        return Scores(self._classes[found.argmax(axis=1)], found)
