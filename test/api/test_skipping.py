"""One bad row among good ones: it ends the request, or it is left out with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.gate.media import ARROW, CSV, JSON, NDJSON
from app.wiring import build_services
from test.api.bodies import ASKED, CSV_BODY, NDJSON_BODY, answered, send
from test.arrow_streams import a_stream
from test.builders import a_classification_table, a_promoted_model, some_settings

IN_JSON: dict[str, Any] = {
    "objects": [json.loads(line) for line in NDJSON_BODY.splitlines()],
    "arrays": [[2, 1], ["x", 3], [4, None], [5, 1e9]],
    "columns": {"b": [1, 3, None, 1e9], "a": [2, "x", 4, 5]},
}
SKIPPING: dict[str, tuple[Any, str, str]] = {
    "csv": (CSV_BODY, CSV, ASKED),
    "ndjson": (NDJSON_BODY, NDJSON, ASKED),
} | {
    name: ({"data": data, "probabilities": True, "on_error": "skip"}, JSON, "")
    for name, data in IN_JSON.items()
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A gateway that serves a classifier of ``a`` and ``b``."""
    settings = some_settings(tmp_path_factory.mktemp("skip"), rate_limit="100000 per minute")
    a_promoted_model(settings, a_classification_table())
    return create_app(services=build_services(settings)).test_client()


@pytest.mark.parametrize("form", SKIPPING)
def test_faulty_rows_are_skipped_and_named(gateway: FlaskClient, form: str) -> None:
    body, media_type, query = SKIPPING[form]
    good = {"data": [[2, 1], [4, None]], "probabilities": True}

    found = answered(gateway, body, media_type, query=query)

    alone = answered(gateway, good)
    labels, shares = alone["predictions"], alone["probabilities"]
    assert found["predictions"] == [labels[0], None, labels[1], None]
    assert found["probabilities"] == [shares[0], None, shares[1], None]
    assert [(it["row"], it["feature"]) for it in found["errors"]] == [(1, "a"), (3, "b")]
    assert found["classes"] == [0, 1, 2]


@pytest.mark.parametrize("form", SKIPPING)
def test_without_being_told_to_skip_the_first_fault_ends_the_request(
    gateway: FlaskClient, form: str
) -> None:
    body, media_type, _ = SKIPPING[form]
    if isinstance(body, dict):
        body = body | {"on_error": "fail"}

    answer = send(gateway, body, media_type)

    assert answer.status_code == 400
    assert (answer.json["errors"][0]["row"], answer.json["errors"][0]["feature"]) == (1, "a")


def test_rows_of_an_arrow_stream_are_skipped_too(gateway: FlaskClient) -> None:
    body = a_stream({"a": [2.0, 5.0], "b": [1.0, 1e9]})

    found = answered(gateway, body, ARROW, query="on_error=skip")

    assert found["predictions"][1] is None
    assert [(it["row"], it["feature"]) for it in found["errors"]] == [(1, "b")]
    answer = send(gateway, body, ARROW, query="on_error=skip", accept=ARROW)
    assert answer.status_code == 400
    assert "Arrow" in answer.json["detail"]


@pytest.mark.parametrize("body", [{"data": [["x", 1], [1]], "on_error": "skip"}])
@pytest.mark.parametrize("accept", [JSON, CSV, NDJSON])
def test_where_every_row_is_faulty_none_is_answered(
    gateway: FlaskClient, body: Any, accept: str
) -> None:
    answer = send(gateway, body, accept=accept)

    assert answer.status_code == 200, answer.json
    text = answer.data.decode()
    assert "has 1 values; 2 are needed" in text
    if accept == JSON:
        assert answer.json["predictions"] == [None, None]


def test_rows_that_may_be_skipped_and_are_all_good_have_no_errors(gateway: FlaskClient) -> None:
    found = answered(gateway, {"data": [[1, 2]], "on_error": "skip"})

    assert found["errors"] == []
    assert found["predictions"] == answered(gateway, {"data": [[1, 2]]})["predictions"]


@pytest.mark.parametrize(
    "body",
    [
        {"data": [], "on_error": "skip"},
        {"data": {"a": [1]}, "on_error": "skip"},
        {"data": {"a": [1], "b": [1, 2]}, "on_error": "skip"},
        {"data": 1, "on_error": "skip"},
        b'{"data": [[1, 2]], "on_error": "skip"',
    ],
    ids=["no rows", "no column", "columns of two lengths", "a number", "no JSON"],
)
def test_what_is_malformed_as_a_whole_is_not_skipped(gateway: FlaskClient, body: Any) -> None:
    assert send(gateway, body).status_code == 400


def test_the_rows_that_are_skipped_are_charged_too(tmp_path: Path) -> None:
    policy = {"name": "rows", "rates": "5 per hour", "cost": "rows"}
    settings = some_settings(tmp_path, limits={"policies": [policy]})
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()
    body = {"data": [["x", 1], [1, 2], [1]], "on_error": "skip"}

    statuses = [send(client, body).status_code for _ in range(2)]

    assert statuses == [200, 429]
