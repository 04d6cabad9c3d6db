from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from app.adapters.engines.onnx import OnnxEngine
from app.errors import ModelRejectedError
from app.lifecycle.compiling.onnx import PRECISIONS, Precision, onnx_model

onnx = pytest.importorskip("onnx", reason="needs `make setup-pipeline`")
TUMOURS, SUGARS = load_breast_cancer(return_X_y=True), load_diabetes(return_X_y=True, scaled=False)
NAMES = np.array(["malignant", "benign"])


def engine_of(payload: bytes, model: Any, *, width: int | None = None) -> OnnxEngine:
    return OnnxEngine(
        payload,
        width=width or model.n_features_in_,
        classes=model.classes_.tolist() if hasattr(model, "classes_") else None,
        has_probabilities=hasattr(model, "predict_proba"),
    )


@pytest.fixture(scope="module")
def neighbours() -> Any:
    rows, target = TUMOURS
    return make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(rows, NAMES[target])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_classes_and_shares_are_those_of_scikit_learn(
    neighbours: Any, precision: Precision
) -> None:
    rows = TUMOURS[0]
    scores = engine_of(onnx_model(neighbours, 30, precision), neighbours).predict(rows)

    assert scores.predictions.tolist() == neighbours.predict(rows).tolist()
    assert isinstance(scores.probabilities, np.ndarray)
    assert scores.probabilities.dtype == np.float64
    assert np.abs(scores.probabilities - neighbours.predict_proba(rows)).max() < 1e-6


def test_shares_that_the_reference_has_not_are_left_out() -> None:
    rows, target = TUMOURS
    model = make_pipeline(StandardScaler(), SVC()).fit(rows, target == 1)

    scores = engine_of(onnx_model(model, 30, "float"), model).predict(rows)

    assert scores.probabilities is None
    assert scores.predictions.tolist() == model.predict(rows).tolist()
    assert scores.predictions.dtype == np.bool_


def test_a_regression_is_one_number_a_row() -> None:
    rows, target = SUGARS
    network = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=20_000, random_state=0)
    model = make_pipeline(StandardScaler(), network).fit(rows, target)

    found = engine_of(onnx_model(model, 10, "double"), model).predict(rows).predictions

    assert found.shape == (len(rows),)
    assert found == pytest.approx(model.predict(rows), rel=1e-9)


def test_a_graph_of_another_width_is_refused(neighbours: Any) -> None:
    with pytest.raises(ModelRejectedError, match="does not take 29 numbers a row"):
        engine_of(onnx_model(neighbours, 30, "float"), neighbours, width=29)


def test_a_graph_without_the_shares_of_the_contract_is_refused() -> None:
    rows, target = SUGARS
    model = SVC().fit(rows, target > 150)
    graph = onnx.load_from_string(onnx_model(model, 10, "float"))
    del graph.graph.output[1]

    with pytest.raises(ModelRejectedError, match="has no probabilities"):
        OnnxEngine(graph.SerializeToString(), width=10, classes=(0, 1), has_probabilities=True)


@pytest.mark.parametrize("payload", [b"", b"no graph", b"\x08\x01" * 50], ids=repr)
def test_what_is_no_graph_is_refused(payload: bytes) -> None:
    with pytest.raises(ModelRejectedError, match="ONNX Runtime cannot open it"):
        OnnxEngine(payload, width=1, classes=None, has_probabilities=False)


def reading(location: str) -> bytes:
    """A graph that answers with the content of a file."""
    make = onnx.helper
    weights = onnx.TensorProto(
        name="w", data_type=onnx.TensorProto.UINT8, dims=[6], data_location=1
    )
    for key, value in {"location": location, "offset": "0", "length": "6"}.items():
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    graph = make.make_graph(
        [make.make_node("Cast", ["w"], ["y"], to=onnx.TensorProto.FLOAT)],
        "reads",
        [make.make_tensor_value_info("X", onnx.TensorProto.FLOAT, [None, 1])],
        [make.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [6])],
        [weights],
    )
    opsets = [make.make_opsetid("", 18)]
    payload: bytes = make.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return payload


def test_a_graph_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    monkeypatch.chdir(tmp_path)

    for location in ("secret", f"../{tmp_path.name}/secret", str(tmp_path / "secret")):
        with pytest.raises(ModelRejectedError, match="External data path validation"):
            OnnxEngine(reading(location), width=1, classes=None, has_probabilities=False)


@pytest.mark.parametrize("noted", ["[]", "{", '{"step_00_add": ["a"]}', '{"step_00_add": [1]}'])
def test_steps_that_cannot_be_read_are_refused(neighbours: Any, noted: str) -> None:
    graph = onnx.load_from_string(onnx_model(neighbours, 30, "float"))
    graph.metadata_props[0].value = noted

    with pytest.raises(ModelRejectedError, match="step"):
        engine_of(graph.SerializeToString(), neighbours)


def test_without_onnx_runtime_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(ModelRejectedError, match="onnxruntime is not installed"):
        OnnxEngine(b"", width=1, classes=None, has_probabilities=False)
