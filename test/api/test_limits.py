"""Limits as a caller meets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.domain.access import Principal
from app.gate.services import Services
from app.wiring import build_services
from test.builders import ROW, a_promoted_model, a_token, bearer, some_settings
from test.e2e.calls import until
from test.redis_server import running_redis

PREDICT = "/api/v1/predict"
FAILURES = "gatehouse_limit_store_failures_total"


def some_services(root: Path, **overrides: Any) -> Services:
    settings = some_settings(root, **overrides)
    a_promoted_model(settings)
    return build_services(settings)


def a_client(root: Path, **overrides: Any) -> FlaskClient:
    return create_app(services=some_services(root, **overrides)).test_client()


def predict(client: FlaskClient, *, n_rows: int = 1, **claims: Any) -> Any:
    body = {"data": [ROW] * n_rows}
    return client.post(PREDICT, json=body, headers=bearer(a_token(**claims)))


def counted(client: FlaskClient, metric: str) -> float:
    text = client.get("/api/v1/metrics").text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(metric))


def policy(**members: Any) -> dict[str, Any]:
    return {"name": "extra", "rates": "2 per hour", **members}


def test_all_policies_are_told_and_the_one_nearest_its_end_with_what_is_left(
    tmp_path: Path,
) -> None:
    client = a_client(tmp_path, limits={"policies": [policy()]})

    answer = predict(client)

    assert answer.headers["RateLimit-Policy"] == '"60s";q=100;w=60, "extra-3600s";q=2;w=3600'
    assert answer.headers["RateLimit"] == '"extra-3600s";r=1;t=3600'


def test_a_policy_of_a_role_leaves_the_others_alone(tmp_path: Path) -> None:
    limits = {"policies": [policy(roles=["admin"], replaces_default=True)]}
    client = a_client(tmp_path, rate_limit="1 per hour", limits=limits)

    admins = [predict(client, sub="root", roles=["admin"]).status_code for _ in range(3)]
    users = [predict(client).status_code for _ in range(2)]

    assert (admins, users) == ([200, 200, 429], [200, 429])


def test_a_policy_of_a_model_leaves_the_other_routes_alone(tmp_path: Path) -> None:
    client = a_client(tmp_path, limits={"policies": [policy(models=["li*"])]})

    statuses = [predict(client).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert client.get("/api/v1/models", headers=bearer()).status_code == 200


def test_rows_that_are_refused_cost_neither_rows_nor_the_request(tmp_path: Path) -> None:
    limits = {"policies": [policy(rates="10 per hour", cost="rows")]}
    client = a_client(tmp_path, rate_limit="3 per hour", limits=limits)
    assert predict(client, n_rows=8).status_code == 200

    refused = [predict(client, n_rows=3) for _ in range(5)]

    assert {answer.status_code for answer in refused} == {429}
    assert int(refused[0].headers["Retry-After"]) > 3_000
    assert refused[0].headers.getlist("RateLimit") == ['"extra-3600s";r=2;t=3600']
    assert predict(client, n_rows=2).status_code == 200
    assert predict(client, n_rows=1).status_code == 429


def test_more_rows_than_the_limit_ever_allows_are_not_told_to_wait(tmp_path: Path) -> None:
    client = a_client(tmp_path, limits={"policies": [policy(rates="10 per hour", cost="rows")]})

    answer = predict(client, n_rows=11)

    assert answer.status_code == 413
    assert "more than 10 rows" in answer.json["detail"]
    assert "Retry-After" not in answer.headers


def test_places_are_few_and_soon_free_again(tmp_path: Path) -> None:
    services = some_services(tmp_path, limits={"concurrent_requests": 1})
    client = create_app(services=services).test_client()
    held = services.rules.current().held_charges(Principal("alice", frozenset()))
    elsewhere = services.limits.admit(held)

    refused = predict(client)
    services.limits.give_back(held, elsewhere.at)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.headers["RateLimit"] == '"concurrent";r=0'
    assert refused.headers["RateLimit-Policy"].endswith(
        ', "concurrent";q=1;qu="concurrent-requests"'
    )
    answer = predict(client)
    assert (answer.status_code, answer.headers["RateLimit"]) == (200, '"60s";r=99;t=60')
    assert counted(client, 'gatehouse_rate_limited_total{policy="concurrent"}') == 1


def test_every_answer_gives_its_place_back(tmp_path: Path) -> None:
    client = a_client(tmp_path, limits={"concurrent_requests": 1})
    body, user, guest = {"data": [ROW]}, bearer(), bearer(a_token(roles=["guest"]))

    statuses = [
        client.post(PREDICT, json=body, headers=user).status_code,
        client.post(PREDICT, json=body, headers=guest).status_code,
        client.post(PREDICT, json={"data": [["x", 1]]}, headers=user).status_code,
        client.post(PREDICT, data=b"<", content_type="text/xml", headers=user).status_code,
        client.post(PREDICT, json={"data": [ROW] * 20_000}, headers=user).status_code,
        client.get("/api/v1/models", headers=user).status_code,
        client.get("/api/v1/models", headers=guest).status_code,
        client.get("/api/v1/models/other", headers=user).status_code,
        client.post("/api/v1/admin/reload", headers=user).status_code,
        client.post(PREDICT, json=body, headers=user).status_code,
    ]

    assert statuses == [200, 403, 400, 415, 413, 200, 403, 404, 403, 200]


def test_a_model_that_fails_gives_its_place_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = a_client(tmp_path, limits={"concurrent_requests": 1})
    monkeypatch.setattr("app.gate.answer.predict", lambda *_, **__: 1 / 0)

    assert [predict(client).status_code for _ in range(3)] == [500, 500, 500]


@pytest.mark.parametrize(("on_failure", "during"), [("refuse", 503), ("allow", 200)])
def test_a_redis_that_stops_and_starts_again_needs_no_restart_of_the_gateway(
    tmp_path: Path, on_failure: str, during: int
) -> None:
    with running_redis() as server:
        limits = {"storage": server.url, "on_store_failure": on_failure}
        client = a_client(tmp_path, rate_limit="2 per hour", limits=limits)
        assert [predict(client).status_code for _ in range(3)] == [200, 200, 429]
        server.stop()

        answers = [predict(client) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [during] * 3
        assert ("Retry-After" in answers[0].headers) is (during == 503)
        assert counted(client, FAILURES) >= 3
        server.start()
        until(lambda: predict(client).headers.get("RateLimit") == '"3600s";r=1;t=3600', "no count")


def test_a_redis_that_is_not_there_at_the_start_is_logged_and_awaited(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis() as server:
        server.stop()
        client = a_client(tmp_path, limits={"storage": server.url})

        assert "redis does not answer" in caplog.messages
        assert predict(client).status_code == 503
        server.start()
        until(lambda: predict(client).status_code == 200, "redis was not asked again")


@pytest.mark.parametrize(("on_failure", "status"), [("refuse", 503), ("allow", 200)])
def test_a_file_that_cannot_be_opened_is_an_outage_too(
    tmp_path: Path, on_failure: str, status: int
) -> None:
    client = a_client(tmp_path, limits={"on_store_failure": on_failure})
    (tmp_path / "runtime").mkdir(exist_ok=True)
    (tmp_path / "runtime" / "limits.lmdb").write_bytes(b"no database" * 1_000)

    assert predict(client).status_code == status
    assert counted(client, FAILURES) == 1
