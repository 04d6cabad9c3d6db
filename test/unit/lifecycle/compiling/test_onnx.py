from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from app.errors import NotCompilableError
from app.lifecycle.compiling.onnx import STEPS, onnx_model

ROWS = np.random.default_rng(2).normal(size=(80, 2))
TARGET = ROWS.sum(axis=1)


def test_the_steps_before_the_head_stand_beside_the_graph_in_full_precision() -> None:
    onnx = pytest.importorskip("onnx", reason="needs `make setup-pipeline`")
    model = make_pipeline(StandardScaler(), DecisionTreeRegressor()).fit(ROWS, TARGET)

    graph = onnx.load_from_string(onnx_model(model, 2, "float"))

    (noted,) = (it for it in graph.metadata_props if it.key == STEPS)
    steps = json.loads(noted.value)
    assert steps["step_00_subtract"] == model[0].mean_.tolist()
    assert steps["step_01_divide"] == model[0].scale_.tolist()
    assert "Scaler" not in {node.op_type for node in graph.graph.node}


def test_boosted_trees_are_converted_though_onnx_refuses_their_types() -> None:
    onnx = pytest.importorskip("onnx", reason="needs `make setup-pipeline`")
    model = HistGradientBoostingRegressor(max_iter=3).fit(ROWS, TARGET)

    graph = onnx.load_from_string(onnx_model(model, 2, "float"))

    assert "TreeEnsembleRegressor" in {node.op_type for node in graph.graph.node}


def test_what_cannot_be_converted_says_why() -> None:
    pytest.importorskip("skl2onnx", reason="needs `make setup-pipeline`")
    model = make_pipeline(FunctionTransformer(np.exp), DecisionTreeRegressor()).fit(ROWS, TARGET)

    with pytest.raises(NotCompilableError, match="skl2onnx: "):
        onnx_model(model, 2, "float")


def test_without_skl2onnx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    model = DecisionTreeRegressor().fit(ROWS, TARGET)

    with pytest.raises(NotCompilableError, match="`make setup-pipeline`"):
        onnx_model(model, 2, "float")
