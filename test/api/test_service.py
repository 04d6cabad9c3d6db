from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import ROW, a_promoted_model, a_token, bearer, some_settings


@pytest.fixture
def empty_client(settings: Settings) -> FlaskClient:
    """A gateway that has no model at all."""
    return create_app(services=build_services(settings)).test_client()


def test_the_front_page_links_to_everything_else(client: FlaskClient) -> None:
    links = client.get("/").json["links"]

    for link in links.values():
        assert client.get(link).status_code in {200, 401, 405}


def test_a_healthy_gateway_names_its_model(client: FlaskClient) -> None:
    answer = client.get("/api/v1/health")

    assert answer.status_code == 200
    assert answer.json["status"] == "healthy"
    assert answer.json["timestamp"].endswith("Z")
    assert answer.json["model"].items() >= {"status": "ready", "name": "line"}.items()
    assert answer.json["model"]["last_loaded"].endswith("Z")


def test_without_a_model_health_says_why(empty_client: FlaskClient) -> None:
    answer = empty_client.get("/api/v1/health")

    assert answer.status_code == 503
    assert answer.json["status"] == "unhealthy"
    assert "there is no such file" in answer.json["model"]["problem"]


def test_without_a_model_there_is_life_but_no_readiness(empty_client: FlaskClient) -> None:
    assert empty_client.get("/livez").status_code == 200
    assert empty_client.get("/readyz").status_code == 503


def test_without_a_model_a_prediction_is_503(empty_client: FlaskClient) -> None:
    answer = empty_client.post("/api/v1/predict", json={"data": [ROW]}, headers=bearer())

    assert answer.status_code == 503
    assert answer.json["error"] == "Model not ready"
    assert answer.headers["Retry-After"]


def test_readiness_fails_while_draining(client: FlaskClient, settings: Settings) -> None:
    assert client.get("/readyz").status_code == 200
    settings.draining_file.parent.mkdir(parents=True)
    settings.draining_file.touch()

    assert client.get("/readyz").json == {"status": "draining"}
    assert client.get("/livez").status_code == 200


def test_models_and_contract_need_a_token(client: FlaskClient) -> None:
    for url in ("/api/v1/models", "/api/v1/models/line"):
        assert client.get(url).status_code == 401
        assert client.get(url, headers=bearer(a_token(roles=["guest"]))).status_code == 403
        answer = client.get(url, headers=bearer())
        assert answer.status_code == 200
        assert "RateLimit" in answer.headers


def test_the_served_model_is_listed(client: FlaskClient) -> None:
    models = client.get("/api/v1/models", headers=bearer()).json["models"]

    assert models == [
        {
            "name": "line",
            "default": True,
            "status": "ready",
            "version": "1",
            "task": "regression",
            "engine": "linear",
            "features": ["a", "b"],
        }
    ]


def test_the_contract_is_shown_without_rows_of_data(client: FlaskClient) -> None:
    model = client.get("/api/v1/models/line", headers=bearer()).json["model"]

    assert model["features"][0]["name"] == "a"
    assert model["training"]["metrics"]["r2"] > 0.9
    assert "golden" not in model


def test_the_example_body_works_as_it_is(client: FlaskClient) -> None:
    how = client.get("/api/v1/models/line", headers=bearer()).json["how_to_call"]

    answer = client.post("/api/v1/predict", json=how["body"], headers=bearer())

    assert answer.status_code == 200
    assert how["curl"].startswith("curl http://localhost/api/v1/predict")
    subprocess.run([sys.executable, "-c", f"compile({how['python']!r}, '', 'exec')"], check=True)


def test_an_unknown_model_is_404(client: FlaskClient) -> None:
    answer = client.get("/api/v1/models/other", headers=bearer())

    assert answer.status_code == 404
    assert answer.json["error"] == "Model not found"


@pytest.mark.parametrize("url", ["/nope", "/api/v1/nope", "/api/v1/models/a/b", "/%ff", "/..%2f"])
def test_an_unknown_path_is_404(client: FlaskClient, url: str) -> None:
    answer = client.get(url)

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/api/v1/predict"), ("POST", "/livez"), ("DELETE", "/api/v1/models")],
)
def test_another_method_is_405_and_says_which_are_there(
    client: FlaskClient, method: str, url: str
) -> None:
    answer = client.open(url, method=method, headers=bearer())

    assert answer.status_code == 405
    assert answer.headers["Allow"]
    assert answer.content_type == "application/problem+json"


def test_head_answers_like_get_without_a_body(client: FlaskClient) -> None:
    answer = client.head("/api/v1/health")

    assert (answer.status_code, answer.data) == (200, b"")


def test_options_names_the_methods(client: FlaskClient) -> None:
    assert set(client.options("/api/v1/predict").headers["Allow"].split(", ")) == {
        "OPTIONS",
        "POST",
    }


def test_a_scrape_token_locks_the_metrics(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, metrics={"scrape_token": "for-prometheus-only"})
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    assert client.get("/api/v1/metrics").status_code == 401
    assert client.get("/api/v1/metrics", headers=bearer()).status_code == 401
    right = bearer("for-prometheus-only")
    assert client.get("/api/v1/metrics", headers=right).status_code == 200


def test_guessing_the_scrape_token_costs(tmp_path: Path) -> None:
    settings = some_settings(
        tmp_path,
        metrics={"scrape_token": "for-prometheus-only"},
        security={"failed_auth_limit": "2 per minute"},
    )
    client = create_app(services=build_services(settings)).test_client()

    guesses = [
        client.get("/api/v1/metrics", headers=bearer(f"guess-{n}")).status_code for n in range(4)
    ]
    text = client.get("/api/v1/metrics", headers=bearer("for-prometheus-only")).text

    assert guesses == [401, 401, 429, 429]
    assert 'gatehouse_authentication_failures_total{reason="scrape_token"} 4.0' in text
