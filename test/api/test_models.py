"""What a caller is told about each model, whatever its shape."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from app import create_app
from app.settings.overlay import PROJECT
from app.settings.schema import Settings
from app.wiring import build_services
from test.api.stages import DEFAULT, NAMES, TOWNS, inputs, promote, shapes
from test.builders import a_token, bearer, some_settings

names = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = some_settings(tmp_path_factory.mktemp("stage"))
    promote(settings, *NAMES)
    return settings


@pytest.fixture
def client(stage: Settings) -> FlaskClient:
    return create_app(services=build_services(stage)).test_client()


@pytest.fixture(scope="module")
def asked(stage: Settings) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Return what a gateway on a real connection says of how to call a model."""
    app = create_app(services=build_services(stage))
    with _listening(app) as port:
        host = f"127.0.0.1:{port}"

        def ask(name: str) -> dict[str, Any]:
            headers = {**bearer(), "Host": host}
            page = app.test_client().get(f"/api/v1/models/{name}", headers=headers).json
            how: dict[str, Any] = page["how_to_call"]
            return how

        yield ask


@contextmanager
def _listening(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pasted(*command: str) -> str:
    """Return what a command prints in a shell that knows a token and nothing else."""
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "TOKEN": a_token(), "PYTHONPATH": str(PROJECT / "client")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _check(answer: Any, name: str) -> None:
    """Compare an answer to the first row with the estimator's own."""
    estimator, rows = shapes()[name].estimator, inputs(name, 1)
    expected = estimator.predict(rows)
    assert answer["model"] == {"name": name, "version": "1"}
    if expected.dtype.kind == "f":
        assert np.array(answer["predictions"]) == pytest.approx(expected)
    else:
        assert answer["predictions"] == expected.tolist()
    assert ("scores" in answer) == (name == "outliers")
    if "scores" in answer:
        assert answer["scores"] == pytest.approx(estimator.decision_function(rows).tolist())


@names
def test_curl_works_when_it_is_pasted(asked: Callable[[str], dict[str, Any]], name: str) -> None:
    _check(json.loads(_pasted("bash", "-c", asked(name)["curl"])), name)


@names
def test_python_works_when_it_is_pasted(asked: Callable[[str], dict[str, Any]], name: str) -> None:
    _check(ast.literal_eval(_pasted(sys.executable, "-c", asked(name)["python"])), name)


@names
def test_the_clients_lines_work_when_they_are_pasted(
    asked: Callable[[str], dict[str, Any]], name: str
) -> None:
    said = _pasted(sys.executable, "-c", asked(name)["client"])

    expected = shapes()[name].estimator.predict(inputs(name, 1))
    assert expected.dtype.kind == "f" or f"predictions={expected.tolist()!r}" in said
    assert f"model={name!r}" in said


@names
def test_a_page_shows_the_contract_and_a_real_row(client: FlaskClient, name: str) -> None:
    shape = shapes()[name]
    answer = client.get(f"/api/v1/models/{name}", headers=bearer())
    model, how = answer.json["model"], answer.json["how_to_call"]

    assert answer.status_code == 200
    assert [it["name"] for it in model["features"]] == [*shape.contract.feature_names]
    assert model["outputs"]["has_scores"] == shape.contract.outputs.has_scores
    assert "golden" not in model
    [row] = how["body"]["data"]
    assert isinstance(row, dict) == (shape.contract.input == "table")
    assert (list(row.values()) if isinstance(row, dict) else row) == list(shape.rows[0])
    route = "predict" if name == DEFAULT else f"models/{name}/predict"
    assert how["url"] == f"http://localhost/api/v1/{route}"
    assert how["limits"] == {"max_rows": 10_000, "max_request_bytes": 4_194_304}


def test_reading_about_a_model_does_not_load_it(client: FlaskClient) -> None:
    for path in ("/api/v1/models", "/api/v1/models/texts", "/apispec.json", "/api/v1/health"):
        assert client.get(path, headers=bearer()).status_code == 200

    listed = client.get("/api/v1/models", headers=bearer()).json["models"]
    page = client.get("/api/v1/models/texts", headers=bearer()).json

    states = {it["name"]: it["status"] for it in listed}
    assert states.pop(DEFAULT) == "ready"
    assert set(states.values()) == {"not loaded"}
    assert page["model"]["status"] == "not loaded"
    assert "engine" not in page["model"]


def test_a_model_in_use_says_which_engine_answers(client: FlaskClient) -> None:
    body = {"data": [shapes()["texts"].rows[0]]}
    answer = client.post("/api/v1/models/texts/predict", json=body, headers=bearer())
    model = client.get("/api/v1/models/texts", headers=bearer()).json["model"]

    assert answer.status_code == 200
    assert (model["status"], model["engine"], model["version"]) == ("ready", "sklearn", "1")


def test_categories_are_listed_where_no_other_is_taken(client: FlaskClient) -> None:
    def town(name: str, at: int) -> Any:
        how = client.get(f"/api/v1/models/{name}", headers=bearer()).json["how_to_call"]
        rows = how["schema"]["properties"]["data"]["anyOf"][1]["items"]["properties"]
        return [*rows.values()][at]

    assert town("quoted", 0) == {"type": "string", "enum": [*TOWNS]}
    assert "enum" not in town("table", 1)
    assert "Genf" in town("table", 1)["description"]


def test_where_nobody_asks_for_a_token_none_is_in_the_calls(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, enable_auth=False)
    promote(settings, DEFAULT)
    client = create_app(services=build_services(settings)).test_client()

    how = client.get(f"/api/v1/models/{DEFAULT}").json["how_to_call"]

    assert not [call for call in ("curl", "python", "client") if "TOKEN" in how[call]]


def test_an_unknown_model_has_no_page(client: FlaskClient) -> None:
    answer = client.get("/api/v1/models/nobody", headers=bearer())

    assert (answer.status_code, answer.json["error"]) == (404, "Model not found")


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[..., FlaskClient]:
    """Return a gateway with two models, of which the second was damaged."""

    def build(damage: Callable[[Path], object]) -> FlaskClient:
        settings = some_settings(tmp_path)
        promote(settings, DEFAULT, "regression")
        damage(settings.path(settings.model.model_path).parent / "regression")
        return create_app(services=build_services(settings)).test_client()

    return build


def test_a_corrupt_model_takes_no_other_down(damaged: Callable[..., FlaskClient]) -> None:
    client = damaged(lambda folder: (folder / "model.joblib").write_bytes(b"none"))
    body = {"data": [shapes()[DEFAULT].rows[0]]}

    refused = client.post("/api/v1/models/regression/predict", json=body, headers=bearer())
    answered = client.post("/api/v1/predict", json=body, headers=bearer())
    health = client.get("/api/v1/health")

    assert (refused.status_code, answered.status_code, health.status_code) == (503, 200, 200)
    assert health.json["status"] == "healthy"
    good, bad = health.json["models"]
    assert good == {"name": DEFAULT, "status": "ready", "version": "1"}
    assert (bad["name"], bad["status"]) == ("regression", "not ready")
    assert "model.joblib" in bad["problem"]
    listed = client.get("/api/v1/models", headers=bearer()).json["models"][1]
    assert (listed["status"], listed["problem"]) == ("not ready", bad["problem"])


def test_a_corrupt_contract_takes_no_page_down(damaged: Callable[..., FlaskClient]) -> None:
    client = damaged(lambda folder: (folder / "manifest.json").write_text("{}"))

    assert client.get("/api/v1/models/regression", headers=bearer()).status_code == 503
    assert client.get("/api/v1/models", headers=bearer()).status_code == 200
    assert client.get("/api/v1/health").status_code == 200
    paths = client.get("/apispec.json").json["paths"]
    assert f"/api/v1/models/{DEFAULT}/predict" in paths
    assert "/api/v1/models/regression/predict" not in paths


def test_only_the_default_model_makes_the_gateway_unhealthy(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    promote(settings, "regression")
    health = create_app(services=build_services(settings)).test_client().get("/api/v1/health")

    assert (health.status_code, health.json["status"]) == (503, "unhealthy")
    assert health.json["models"] == [{"name": "regression", "status": "not loaded"}]
