"""Arrow streams in and out, made and read by a client that knows the format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.settings.schema import Settings
from app.wiring import build_services
from test.arrow_streams import ARROW, a_stream, table_of
from test.builders import a_promoted_model, bearer, some_settings

URL = "/api/v1/predict"
IN_ARROW = {"Accept": ARROW}


def send(
    client: FlaskClient, columns: Any, headers: dict[str, str] | None = None, query: str = ""
) -> TestResponse:
    body = columns if isinstance(columns, bytes) else a_stream(columns)
    return client.post(
        URL,
        data=body,
        query_string=query,
        content_type=ARROW,
        headers=bearer() | (headers or {}),
    )


def as_json(client: FlaskClient, rows: list[Any], **members: Any) -> TestResponse:
    body = json.dumps({"data": rows, **members})
    return client.post(URL, data=body, content_type="application/json", headers=bearer())


def test_an_arrow_body_is_answered_as_the_same_rows_in_json(client: FlaskClient) -> None:
    columns = {"b": [2.0, None, 5.0], "a": pa.array([1, 2, 3], pa.int8())}

    answer = send(client, columns)

    assert answer.status_code == 200, answer.json
    same = as_json(client, [[1, 2], [2, None], [3, 5]])
    assert answer.content_type == "application/json"
    assert answer.json["predictions"] == same.json["predictions"]
    assert answer.json["model"] == same.json["model"]


def test_who_names_arrow_in_accept_gets_arrow(client: FlaskClient) -> None:
    columns = {"a": [1.0, 2.0], "b": [3.0, 4.0]}

    answer = send(client, columns, IN_ARROW | {"X-Request-ID": "mine-1"})

    assert answer.status_code == 200, answer.json
    assert answer.content_type == ARROW
    assert answer.headers["X-Cache"] == "bypass"
    table = table_of(answer.data)
    assert table.column_names == ["prediction"]
    assert table.column(0).to_pylist() == send(client, columns).json["predictions"]
    expected = {b"model": b"line", b"version": b"1", b"request_id": b"mine-1"}
    assert table.schema.metadata == expected


def test_json_rows_may_be_answered_in_arrow_too(client: FlaskClient) -> None:
    answer = client.post(URL, json={"data": [[1, 2]]}, headers=bearer() | IN_ARROW)

    plain = as_json(client, [[1, 2]])
    assert table_of(answer.data).column(0).to_pylist() == plain.json["predictions"]


def test_probabilities_are_asked_for_in_the_query(classifier_client: FlaskClient) -> None:
    columns = {"a": [0.1, 2.0, -3.0], "b": [0.2, 1.0, -2.0]}
    client, query = classifier_client, "probabilities=true"

    whole = send(client, columns, query=query).json
    table = table_of(send(client, columns, IN_ARROW, query).data)

    names = [f"probability_{label}" for label in whole["classes"]]
    assert table.column_names == ["prediction", *names]
    assert table.column("prediction").to_pylist() == whole["predictions"]
    assert (
        np.column_stack([table.column(name) for name in names]).tolist() == (whole["probabilities"])
    )
    plain = send(client, columns).json
    assert set(whole or ()) - set(plain or ()) == {"probabilities", "classes"}


def test_a_model_without_probabilities_says_so(client: FlaskClient) -> None:
    answer = send(client, {"a": [1], "b": [1]}, query="probabilities=true")

    assert answer.status_code == 400
    assert "this model has none" in answer.json["detail"]


def test_a_hundred_thousand_rows_in_batches_are_one_request(
    client: FlaskClient, settings: Settings
) -> None:
    estimator = joblib.load(settings.path(settings.model.model_path))
    values = np.random.default_rng(4).normal(size=(100_000, 2))
    body = a_stream({"a": values[:, 0], "b": values[:, 1]}, rows_in_batch=10_000)

    answer = send(client, body, IN_ARROW)

    assert answer.status_code == 200, answer.json
    found = np.asarray(table_of(answer.data).column("prediction"))
    assert np.allclose(found, estimator.predict(values))


@pytest.mark.parametrize(
    ("columns", "detail"),
    [
        (b"no stream", "no Arrow stream"),
        ({"a": [1]}, "b: is absent"),
        ({"a": [1], "b": ["x"]}, "b: must be a plain column"),
        ({"a": [0, 1], "b": [0, 2e6]}, "row 1: b: must be from"),
        ({"a": [0, 1], "b": [0, np.inf]}, "row 1: b: must be from"),
    ],
    ids=["no stream", "absent", "text", "beyond", "infinite"],
)
def test_what_breaks_the_contract_is_refused_in_plain_words(
    client: FlaskClient, columns: Any, detail: str
) -> None:
    answer = send(client, columns, IN_ARROW)

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert detail in answer.json["detail"]


@pytest.mark.parametrize(
    ("limits", "detail"),
    [
        ({"model": {"max_arrow_rows": 2, "max_rows": 9}}, "at most 2 are taken"),
        ({"server": {"max_arrow_bytes": 100, "max_request_bytes": 9_999}}, "at most 100 are taken"),
    ],
    ids=["rows", "bytes"],
)
def test_arrow_has_limits_of_its_own(tmp_path: Path, limits: dict[str, Any], detail: str) -> None:
    settings = some_settings(tmp_path, **limits)
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    answer = send(client, {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]})

    assert answer.status_code == 413
    assert detail in answer.json["detail"]
    assert as_json(client, [[1, 2]] * 3).status_code == 200


def test_json_in_an_arrow_body_is_refused_and_the_other_way_round(client: FlaskClient) -> None:
    stream = a_stream({"a": [1.0], "b": [1.0]})

    assert send(client, b'{"data": [[1, 2]]}').status_code == 400
    assert (
        client.post(URL, data=stream, content_type=ARROW + "s", headers=bearer()).status_code == 415
    )
    assert (
        client.post(URL, data=stream, content_type="application/json", headers=bearer()).status_code
        == 400
    )
