"""The client package against a real gateway."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from gatehouse_client import ColumnsError, Gatehouse, InvalidRequestError, Patience

from test.api.stages import DEFAULT, NAMES, promote, shapes
from test.builders import ROW, a_promoted_model, a_token
from test.e2e import exposition
from test.e2e.calls import until
from test.e2e.server import Server, free_port, project, running_server

pytestmark = pytest.mark.e2e
PATIENT = Patience(tries=40, first_seconds=0.05, most_seconds=10.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("client")
    promote(project(root), *NAMES)
    with running_server(root, RATE_LIMIT="100000 per minute") as running:
        yield running


def _client(server: Server, **options: Any) -> Gatehouse:
    return Gatehouse(server.url, lambda: a_token(sub=secrets.token_hex(8)), **options)


def _frame(name: str) -> pd.DataFrame:
    """The rows of a model under their names, in another order than the model's."""
    shape = shapes()[name]
    frame = pd.DataFrame(shape.rows, columns=[*shape.contract.feature_names])
    return frame[frame.columns[::-1]]


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_answered_as_the_estimator_answers_it(server: Server, name: str) -> None:
    shape = shapes()[name]
    outputs = shape.contract.outputs
    with _client(server) as client:
        found = client.predict(
            _frame(name),
            model=name,
            probabilities=outputs.has_probabilities,
            scores=outputs.has_scores,
        )

    expected = shape.estimator.predict(shape.given)
    if expected.dtype.kind == "f":
        assert np.array(found.predictions) == pytest.approx(expected)
    else:
        assert found.predictions == expected.tolist()
    if outputs.has_scores:
        assert np.array(found.scores) == pytest.approx(
            shape.estimator.decision_function(shape.given)
        )
    if outputs.has_probabilities:
        _check_shares(found.probabilities, shape.estimator.predict_proba(shape.given))
    assert (found.model, found.version) == (name, "1")


def _check_shares(found: Any, expected: Any) -> None:
    if not isinstance(expected, list):
        assert np.array(found) == pytest.approx(expected)
        return
    for at, of_target in enumerate(expected):
        assert np.array([row[at] for row in found]) == pytest.approx(of_target)


def test_a_large_frame_is_split_and_comes_back_whole(server: Server) -> None:
    frame = pd.DataFrame(
        np.random.default_rng(2).normal(size=(25_001, 3)),
        columns=[*shapes()[DEFAULT].contract.feature_names],
    )
    with _client(server) as client:
        found = client.predict(frame)

    assert found.predictions == shapes()[DEFAULT].estimator.predict(frame.to_numpy()).tolist()
    assert len(found.request_ids) == 3


def test_a_frame_that_does_not_fit_is_not_sent(server: Server) -> None:
    with _client(server) as client, pytest.raises(ColumnsError, match="missing: 'town'"):
        client.predict(_frame("table").drop(columns="town"), model="table")


def test_a_faulty_row_is_named_by_its_number_in_the_frame(server: Server) -> None:
    frame = pd.DataFrame(np.zeros((12_000, 3)), columns=["a", "b", "c"])
    frame.loc[11_000, "b"] = 1e9
    with _client(server) as client, pytest.raises(InvalidRequestError) as caught:
        client.predict(frame)

    assert [(fault["row"], fault["feature"]) for fault in caught.value.faults] == [(11_000, "b")]


def test_models_and_contracts_can_be_read(server: Server) -> None:
    with _client(server) as client:
        listed = client.models()
        table = client.model("table")

    assert sorted(model.name for model in listed) == sorted(NAMES)
    assert [model.name for model in listed if model.is_default] == [DEFAULT]
    assert [feature.kind for feature in table.features] == ["float", "category", "bool", "category"]
    assert table.max_rows == 10_000


def test_a_limit_is_waited_out(tmp_path: Path) -> None:
    token = a_token(sub="hasty")
    with (
        running_server(tmp_path, RATE_LIMIT="3 per second") as server,
        Gatehouse(server.url, token, patience=PATIENT) as client,
    ):
        found = [client.predict([[n, 0]]).predictions for n in range(12)]
        refused = exposition.predictions(server, "429")

    model = joblib.load(server.settings.path(server.settings.model.model_path))
    rows = np.array([[n, 0.0] for n in range(12)])
    assert np.ravel(found) == pytest.approx(model.predict(rows))
    assert refused > 0


def test_a_gateway_that_has_no_model_yet_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    options = ["--interface", "wsgi", "--port", str(port)]
    command = [sys.executable, "-m", "granian", *options, "app.wsgi:app"]
    with (
        running_server(tmp_path, command=command, ready="/livez", PORT=str(port)) as server,
        _client(server, patience=PATIENT) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(client.predict, [ROW])
        until(lambda: exposition.predictions(server, "503"), "nobody asks for a prediction")
        a_promoted_model(server.settings)

        assert waiting.result(60).predictions == pytest.approx([4.0], abs=0.2)


def test_a_restart_fails_no_call(tmp_path: Path) -> None:
    port = str(free_port())
    drained = {"PORT": port, "GATEHOUSE_SERVER__DRAIN_SECONDS": "0.5"}
    with ThreadPoolExecutor(1) as pool:
        with running_server(tmp_path, **drained) as server:
            client = _client(server, patience=PATIENT)
            first = client.predict([ROW])
            stop = tmp_path / "stop"
            calls = pool.submit(_call_until, client, stop)
            assert server.stop() == 0
        with running_server(tmp_path, **drained):
            assert client.predict([ROW]).predictions == first.predictions
            stop.touch()
            answers = calls.result(60)
    client.close()

    assert answers
    assert {tuple(found.predictions) for found in answers} == {tuple(first.predictions)}


def _call_until(client: Gatehouse, stop: Path) -> list[Any]:
    answers = []
    while not stop.exists():
        answers.append(client.predict([ROW]))
        time.sleep(0.005)
    return answers
