from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.gate.envelope import Envelope
from app.gate.services import Services
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import ROW, a_promoted_model, a_token, bearer, some_settings


@pytest.mark.parametrize("url", ["/", "/nope", "/api/v1/models", "/api/v1/metrics"])
def test_every_answer_carries_the_security_headers(client: FlaskClient, url: str) -> None:
    headers = client.get(url).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Server"] == ""
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("sane", ["a", "trace-1.2:3_4", "x" * 128])
def test_a_sane_request_id_is_kept(client: FlaskClient, sane: str) -> None:
    assert client.get("/", headers={"X-Request-ID": sane}).headers["X-Request-ID"] == sane


@pytest.mark.parametrize("odd", ["", "a b", "x" * 129, "<script>", "é", "a,b"])
def test_any_other_request_id_is_replaced(client: FlaskClient, odd: str) -> None:
    made = client.get("/", headers={"X-Request-ID": odd}).headers["X-Request-ID"]

    assert len(made) == 32
    assert made != odd


def test_an_app_that_fails_is_a_problem_with_the_request_id(services: Services) -> None:
    def broken(_environ: dict[str, Any], _start: Any) -> list[bytes]:
        raise RuntimeError("inside")

    app = Flask("broken")
    app.wsgi_app = Envelope(broken, services)  # type: ignore[method-assign]

    answer = app.test_client().get("/")

    assert answer.status_code == 500
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert "inside" not in answer.text


def test_each_request_leaves_one_line_without_secrets_and_values(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    token = a_token()
    with caplog.at_level(logging.INFO, logger="gatehouse.access"):
        client.post(
            "/api/v1/predict", json={"data": [[-31.4159265358979, 77.25]]}, headers=bearer(token)
        )

    (record,) = [r for r in caplog.records if r.name == "gatehouse.access"]
    said = vars(record)
    assert (said["status"], said["method"], said["path"]) == (200, "POST", "/api/v1/predict")
    assert (said["subject"], said["model"]) == ("alice", "line/1")
    line = json.dumps(said, default=str)
    assert token not in line
    assert "31.4159265358979" not in line


def test_a_token_in_the_path_is_not_written(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    token = a_token()
    with caplog.at_level(logging.INFO, logger="gatehouse.access"):
        client.get(f"/api/v1/{token}")

    (record,) = [r for r in caplog.records if r.name == "gatehouse.access"]
    assert vars(record)["path"] == "/api/v1/***"


def test_a_redirect_stays_on_the_host_that_was_asked(client: FlaskClient) -> None:
    answer = client.get("/apidocs", headers={"Host": "evil.example.org"})

    assert (answer.status_code, answer.headers["Location"]) == (308, "/apidocs/")


def test_only_what_is_no_part_of_a_stop_is_told_to_a_person(settings: Settings) -> None:
    told: list[str] = []

    class ToldAlerts:
        def raise_alert(self, kind: str, _: Mapping[str, str]) -> None:
            told.append(kind)

    services = replace(build_services(settings), alerts=ToldAlerts())
    client = create_app(services=services).test_client()
    client.get("/readyz")
    client.post("/api/v1/predict", json={"data": [ROW]}, headers=bearer())

    assert told == ["503 model-not-ready"]


def test_requests_are_counted_by_route_and_not_by_path(client: FlaskClient) -> None:
    client.get("/api/v1/models/one", headers=bearer())
    client.get("/api/v1/models/two", headers=bearer())
    client.get("/wherever")
    client.open("/wherever", method="BREW")

    text = client.get("/api/v1/metrics").text

    known = 'endpoint="/api/v1/models/<name>",method="GET",status="404"} 2.0'
    assert f"http_requests_total{{{known}" in text
    assert 'http_requests_total{endpoint="unmatched",method="other",status="404"} 1.0' in text
    assert "wherever" not in text
    assert 'http_errors_total{type="unknown-model"} 2.0' in text


@pytest.fixture
def open_client(tmp_path: Path) -> FlaskClient:
    settings = some_settings(tmp_path, cors={"allowed_origins": ["https://app.example.org"]})
    a_promoted_model(settings)
    return create_app(services=build_services(settings)).test_client()


def test_a_page_of_an_allowed_origin_may_ask_and_read(open_client: FlaskClient) -> None:
    origin = {"Origin": "https://app.example.org"}
    asked = open_client.options(
        "/api/v1/predict", headers=origin | {"Access-Control-Request-Method": "POST"}
    )
    answered = open_client.post("/api/v1/predict", json={"data": [ROW]}, headers=origin | bearer())

    assert asked.status_code == 204
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    for answer in (asked, answered):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
        assert answer.headers["Vary"] == "Origin"


def test_a_page_of_another_origin_may_not(open_client: FlaskClient, client: FlaskClient) -> None:
    origin = {"Origin": "https://evil.example.org", "Access-Control-Request-Method": "POST"}

    for gateway in (open_client, client):
        answer = gateway.options("/api/v1/predict", headers=origin)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_address_counts_only_from_a_trusted_proxy(tmp_path: Path) -> None:
    settings = some_settings(
        tmp_path, server={"trusted_proxies": 1}, security={"failed_auth_limit": "1 per minute"}
    )
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    def guess(address: str) -> int:
        headers = bearer("x.y.z") | {"X-Forwarded-For": f"6.6.6.6, {address}"}
        return client.get("/api/v1/models", headers=headers).status_code

    assert [guess("1.1.1.1"), guess("1.1.1.1"), guess("2.2.2.2")] == [401, 429, 401]
