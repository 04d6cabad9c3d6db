from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.domain.contract import Contract
from app.gate.answer import STEPS
from app.gate.services import Services
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import (
    ROW,
    a_promoted_model,
    a_regression_table,
    a_token,
    bearer,
    some_settings,
)

URL = "/api/v1/predict"


def send(client: FlaskClient, body: Any, **changes: Any) -> TestResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields: dict[str, Any] = {"content_type": "application/json", "headers": bearer()}
    return client.post(URL, data=raw, **(fields | changes))


def gateway(settings: Settings) -> FlaskClient:
    return create_app(services=build_services(settings)).test_client()


def test_predictions_are_those_of_the_estimator(client: FlaskClient, settings: Settings) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    estimator = joblib.load(settings.path(settings.model.model_path))

    answer = send(client, {"data": rows.tolist()})

    assert answer.json["predictions"] == estimator.predict(rows).tolist()


def test_the_answer_names_model_request_and_time(client: FlaskClient) -> None:
    answer = send(client, {"data": [ROW]}, headers=bearer() | {"X-Request-ID": "mine-1"})

    assert answer.json["model"] == {"name": "line", "version": "1"}
    assert answer.json["request_id"] == answer.headers["X-Request-ID"] == "mine-1"
    assert answer.json["timestamp"].endswith("Z")
    assert answer.headers["X-Model-Version"] == "1"
    assert answer.headers["Content-Type"] == "application/json"


def test_the_limit_that_is_left_is_told(client: FlaskClient) -> None:
    answer = send(client, {"data": [ROW]})

    assert answer.headers["RateLimit-Policy"] == '"60s";q=100;w=60'
    assert answer.headers["RateLimit"] == '"60s";r=99;t=60'


def test_the_time_of_each_step_is_told(client: FlaskClient) -> None:
    timing = send(client, {"data": [ROW]}).headers["Server-Timing"]

    steps = [step.partition(";")[0] for step in timing.split(", ")]
    assert steps == list(STEPS)


def test_the_same_rows_again_come_from_the_cache(client: FlaskClient) -> None:
    answers = [send(client, {"data": [ROW]}) for _ in range(2)]

    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit"]
    assert answers[0].json["predictions"] == answers[1].json["predictions"]
    assert answers[0].json["request_id"] != answers[1].json["request_id"]


def test_a_cache_of_no_entries_is_off(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, {"CACHE_SIZE": "0"})
    a_promoted_model(settings)
    client = gateway(settings)

    assert [send(client, {"data": [ROW]}).headers["X-Cache"] for _ in range(2)] == ["bypass"] * 2


def test_probabilities_are_those_of_the_estimator(
    classifier_client: FlaskClient, tmp_path: Path
) -> None:
    estimator = joblib.load(tmp_path / "model/dev/model.joblib")
    body = {"data": [ROW, [-1, -1]], "probabilities": True}

    answer = send(classifier_client, body).json

    assert answer["predictions"] == estimator.predict(body["data"]).tolist()
    assert answer["probabilities"] == estimator.predict_proba(body["data"]).tolist()
    assert answer["classes"] == [0, 1, 2]


def test_a_regression_has_no_probabilities(client: FlaskClient) -> None:
    answer = send(client, {"data": [ROW], "probabilities": True})

    assert answer.status_code == 400
    assert "this model has none" in answer.json["detail"]


@pytest.mark.parametrize("body", [{"data": [[None, 2.0]]}, b'{"data": [[NaN, 2.0]]}'])
def test_a_missing_value_is_replaced_as_the_settings_say(tmp_path: Path, body: Any) -> None:
    settings = some_settings(tmp_path, nan_replacement=3.0)
    a_promoted_model(settings)
    client = gateway(settings)

    missing, replaced = send(client, body), send(client, {"data": [[3.0, 2.0]]})

    assert missing.json["predictions"] == replaced.json["predictions"]


def test_a_gap_in_training_lets_a_missing_value_pass(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    table = a_regression_table()
    table.features[3, 0] = np.nan
    a_promoted_model(settings, table)
    estimator = joblib.load(settings.path(settings.model.model_path))

    answer = send(gateway(settings), {"data": [[None, 2.0]]})

    assert answer.json["predictions"] == estimator.predict([[np.nan, 2.0]]).tolist()


def test_faults_name_row_and_feature(client: FlaskClient) -> None:
    answer = send(client, {"data": [ROW, [1, "x"], [2e6, 1]]})

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json["error"] == "Invalid request data"
    assert answer.json["errors"] == [
        {"row": 1, "feature": "b", "reason": "must be a number or null, not a string"}
    ]


REFUSALS = [
    ({"headers": {}}, 401, "Authorization token required"),
    ({"headers": {"Authorization": "Basic YTpi"}}, 401, "Authorization token required"),
    ({"headers": {"Authorization": "Bearer"}}, 401, "Invalid token"),
    ({"headers": bearer("x.y.z")}, 401, "Invalid token"),
    ({"headers": bearer(a_token(roles=["guest"]))}, 403, "Insufficient permissions"),
    ({"content_type": "text/plain"}, 415, "Unsupported media type"),
    ({"headers": bearer() | {"Content-Encoding": "gzip"}}, 415, "Unsupported media type"),
    ({"headers": bearer() | {"Accept": "text/html"}}, 406, "Not acceptable"),
]


@pytest.mark.parametrize(("changes", "status", "sentence"), REFUSALS)
def test_every_refusal_has_the_one_shape(
    client: FlaskClient, changes: dict[str, Any], status: int, sentence: str
) -> None:
    answer = send(client, {"data": [ROW]}, **changes)

    assert answer.status_code == answer.json["status"] == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["error"] == sentence
    assert answer.json["instance"] == URL
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert answer.json["type"].startswith("urn:gatehouse:problem:")


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, 'Bearer realm="gatehouse"'),
        (bearer("x.y.z"), 'Bearer realm="gatehouse", error="invalid_token"'),
        (
            bearer(a_token(roles=["guest"])),
            'Bearer realm="gatehouse", error="insufficient_scope"',
        ),
    ],
)
def test_a_refused_caller_is_challenged(
    client: FlaskClient, headers: dict[str, str], challenge: str
) -> None:
    answer = send(client, {"data": [ROW]}, headers=headers)

    assert answer.headers["WWW-Authenticate"] == challenge


def test_a_body_of_too_many_bytes_or_rows_is_413(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, {"MAX_REQUEST_SIZE": "200"}, model={"max_rows": 3})
    a_promoted_model(settings)
    client = gateway(settings)

    assert send(client, {"data": [ROW] * 4}).status_code == 413
    assert send(client, {"data": [ROW] * 50}).status_code == 413
    assert send(client, {"data": [ROW] * 3}).status_code == 200


def test_a_refused_caller_learns_what_is_left_too(client: FlaskClient) -> None:
    bad_rows = send(client, {"data": [[1]]})
    bad_role = send(client, {"data": [ROW]}, headers=bearer(a_token(sub="eve", roles=["guest"])))

    assert bad_rows.headers["RateLimit"] == '"60s";r=99;t=60'
    assert bad_role.headers["RateLimit"] == '"60s";r=99;t=60'


def test_beyond_the_limit_the_caller_waits(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, {"RATE_LIMIT": "2 per minute"})
    a_promoted_model(settings)
    client = gateway(settings)
    statuses = [send(client, {"data": [ROW]}).status_code for _ in range(2)]

    refused = send(client, {"data": [ROW]})

    assert statuses == [200, 200]
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"60s";r=0;t=')
    assert send(client, {"data": [ROW]}, headers=bearer(a_token(sub="bob"))).status_code == 200


def test_guessing_is_limited_by_address_and_a_good_token_still_passes(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, security={"failed_auth_limit": "3 per minute"})
    a_promoted_model(settings)
    client = gateway(settings)

    guesses = [
        send(client, {"data": [ROW]}, headers=bearer(f"g.u.{n}")).status_code for n in range(5)
    ]

    assert guesses == [401, 401, 401, 429, 429]
    assert send(client, {"data": [ROW]}).status_code == 200


def test_without_a_store_for_the_limits_nobody_is_let_in(
    client: FlaskClient, settings: Settings
) -> None:
    (settings.path(settings.runtime_path) / "limits.lmdb").write_bytes(b"no database" * 999)

    answer = send(client, {"data": [ROW]})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


def test_without_authentication_everybody_predicts(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, enable_auth=False)
    a_promoted_model(settings)

    assert send(gateway(settings), {"data": [ROW]}, headers={}).status_code == 200


def test_an_engine_that_fails_shows_a_request_id_and_nothing_else(
    services: Services,
) -> None:
    class BrokenEngine:
        def predict(self, _: Any) -> Any:
            raise RuntimeError("the inside of the house")

    object.__setattr__(services.models.current(), "engine", BrokenEngine())
    client = create_app(services=services).test_client()

    answer = send(client, {"data": [ROW]})

    assert answer.status_code == 500
    assert answer.json["error"] == answer.json["detail"] == "Internal server error"
    assert answer.json["request_id"]
    assert "inside" not in answer.text


def test_bodies_of_a_contract_row_work(client: FlaskClient, services: Services) -> None:
    contract: Contract = services.models.current().contract

    assert send(client, {"data": [list(contract.example_row)]}).status_code == 200
