"""A graph answered by ONNX Runtime, one thread a call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app.adapters.engines.steps import prepared, steps_of
from app.domain.ports import Matrix, Scores
from app.errors import ModelRejectedError

STEPS: Final = "gatehouse.steps"
_QUIET: Final = 4  # errors come back as exceptions
# A graph may name files to read weights from; in here there are none.
_WEIGHTS_FOLDER: Final = "session.model_external_initializers_file_folder_path"
_NOWHERE: Final = "/dev/null"
_TYPES: Final = {"tensor(float)": np.float32, "tensor(double)": np.float64}


class OnnxEngine:
    """Rounds the input to what the graph takes, and gives labels the type of the contract's.

    Args:
        payload: the graph, which the caller has compared with a contract.
        width: number of features.
        classes: of the contract; None for a regression.
        has_probabilities: whether the reference gives them; some graphs invent some.

    Raises:
        ModelRejectedError: ONNX Runtime is not installed, or cannot open the graph.
    """

    def __init__(
        self,
        payload: bytes,
        *,
        width: int,
        classes: Sequence[object] | None,
        has_probabilities: bool,
    ) -> None:
        session = _session(payload)
        found = session.get_inputs()
        if len(found) != 1 or found[0].shape[1:] != [width] or found[0].type not in _TYPES:
            raise ModelRejectedError(f"the graph does not take {width} numbers a row")
        self._run: Final = session.run
        self._name: Final = found[0].name
        self._type: Final = _TYPES[found[0].type]
        self._steps: Final = steps_of(_noted_steps(session), width)
        self._labels: Final = None if classes is None else np.array(classes).dtype
        self._outputs: Final = [it.name for it in session.get_outputs()][: 1 + has_probabilities]
        if len(self._outputs) != 1 + has_probabilities:
            raise ModelRejectedError("the graph has no probabilities")

    def predict(self, matrix: Matrix) -> Scores:
        """Score every row of *matrix*, shape (n_rows, n_features)."""
        rows = prepared(matrix, self._steps).astype(self._type, copy=False)
        found = self._run(self._outputs, {self._name: rows})
        if self._labels is None:
            return Scores(found[0].reshape(-1).astype(np.float64), None)
        labels = found[0].astype(self._labels)
        return Scores(labels, found[1].astype(np.float64) if len(found) > 1 else None)


def _session(payload: bytes) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415  20 MB that only a model of this kind needs
    except ImportError as error:
        raise ModelRejectedError("onnxruntime is not installed") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry(_WEIGHTS_FOLDER, _NOWHERE)
    try:
        return onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ModelRejectedError(f"ONNX Runtime cannot open it: {reason}") from error


def _noted_steps(session: Any) -> dict[str, Any]:
    noted = session.get_modelmeta().custom_metadata_map.get(STEPS, "{}")
    try:
        return {name: np.array(values, np.float64) for name, values in json.loads(noted).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelRejectedError("the steps before the graph cannot be read") from error
