"""Whatever skl2onnx can convert, as an ONNX graph."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np

from app.errors import NotCompilableError
from app.lifecycle.compiling.steps import Arrays, peeled

Precision = Literal["double", "float"]
PRECISIONS: Final[tuple[Precision, ...]] = ("double", "float")
STEPS: Final = "gatehouse.steps"
INPUT: Final = "X"


def onnx_model(estimator: Any, width: int, precision: Precision) -> bytes:
    """Return *estimator* as a serialised graph; the steps before its head stand in its metadata.

    Steps are left to the engine, in float64: a scaler in float32 moves values across the thresholds
    of a tree behind it.

    Args:
        estimator: fitted, for one target.
        width: number of features.
        precision: of the numbers that the graph takes. Not every operator knows doubles.

    Raises:
        NotCompilableError: skl2onnx is not installed, or cannot convert it.
    """
    steps, head = peeled(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import skl2onnx  # noqa: PLC0415  part of the life cycle's requirements alone
        except ImportError as error:
            raise NotCompilableError("skl2onnx is missing: `make setup-pipeline`") from error
        types = skl2onnx.common.data_types
        kind = types.DoubleTensorType if precision == "double" else types.FloatTensorType
        try:
            with _plain_attributes(skl2onnx.common._container):  # noqa: SLF001
                graph = skl2onnx.to_onnx(
                    head, initial_types=[(INPUT, kind([None, width]))], options=_options(head)
                )
        except Exception as error:
            raise NotCompilableError(f"skl2onnx: {_first_line(error)}") from error
    noted = graph.metadata_props.add()
    noted.key, noted.value = STEPS, _written(steps)
    payload: bytes = graph.SerializeToString()
    return payload


def _options(head: Any) -> dict[str, bool] | None:
    """Ask for probabilities as one array instead of a dictionary a row."""
    return {"zipmap": False} if hasattr(head, "predict_proba") else None


@contextmanager
def _plain_attributes(container: Any) -> Iterator[None]:
    """Hand onnx plain numbers: boosted trees have NumPy's and booleans, which it refuses."""
    make_node = container.make_node

    def with_plain(*arguments: Any, **attributes: Any) -> Any:
        return make_node(*arguments, **{name: _plain(v) for name, v in attributes.items()})

    container.make_node = with_plain
    try:
        yield
    finally:
        container.make_node = make_node


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, bool) else value


def _written(steps: Arrays) -> str:
    return json.dumps({name: values.tolist() for name, values in steps.items()})


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
