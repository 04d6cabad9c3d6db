from __future__ import annotations

import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import ROW, a_promoted_model, a_token, bearer, some_settings

PREDICT = "/api/v1/predict"
REVOCATIONS = "/api/v1/admin/revocations"
RELOAD = "/api/v1/admin/reload"
BODY = {"data": [ROW]}


def admin() -> dict[str, str]:
    return bearer(a_token(sub="root", roles=["admin"], iat=int(time.time()) + 60))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The administrator's token is issued ahead of time, so that it outlives what it revokes."""
    return some_settings(tmp_path, security={"leeway_seconds": 120})


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    a_promoted_model(settings)
    root = settings.root
    services = build_services(settings, load=lambda: some_settings(root))
    return create_app(services=services).test_client()


def status(client: FlaskClient, token: str) -> int:
    return client.post(PREDICT, json=BODY, headers=bearer(token)).status_code


def test_a_token_is_revoked_by_its_id(client: FlaskClient) -> None:
    revoked, other = a_token(jti="one"), a_token(jti="two")
    assert status(client, revoked) == 200

    answer = client.post(REVOCATIONS, json={"jti": "one"}, headers=admin())

    assert answer.status_code == 201
    assert (status(client, revoked), status(client, other)) == (401, 200)


def test_a_subject_loses_what_it_was_issued_and_nothing_later(client: FlaskClient) -> None:
    before, other = a_token(sub="mallory"), a_token(sub="alice")

    client.post(REVOCATIONS, json={"subject": "mallory"}, headers=admin())

    later = a_token(sub="mallory", iat=int(time.time()) + 2)
    assert [status(client, token) for token in (before, other, later)] == [401, 200, 200]


def test_everything_issued_before_a_moment_is_revoked(client: FlaskClient) -> None:
    now = int(time.time())
    old, young = a_token(iat=now - 600), a_token(iat=now - 60)
    body = {"everyone": True, "issued_before": now - 300}

    client.post(REVOCATIONS, json=body, headers=admin())

    assert (status(client, old), status(client, young)) == (401, 200)


def test_what_is_revoked_is_listed_the_newest_first(client: FlaskClient) -> None:
    for name in ("alice", "bob"):
        client.post(REVOCATIONS, json={"subject": name}, headers=admin())

    listed = client.get(REVOCATIONS, headers=admin()).json["revocations"]

    assert [found["value"] for found in listed] == ["bob", "alice"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"jti": ""},
        {"jti": 7},
        {"jti": "a" * 256},
        {"jti": "a\n"},
        {"jti": "one", "subject": "alice"},
        {"jti": "one", "expires_at": 1},
        {"subject": "alice", "issued_before": 1e12},
        {"subject": "alice", "issued_before": "now"},
        {"subject": "alice", "issued_before": True},
        {"subject": "alice", "expires_at": 1},
        {"everyone": False},
        {"everyone": True, "issued_before": -1},
        [],
    ],
)
def test_a_revocation_that_makes_no_sense_is_refused(client: FlaskClient, body: object) -> None:
    answer = client.post(REVOCATIONS, json=body, headers=admin())

    assert answer.status_code == 400
    assert client.get(REVOCATIONS, headers=admin()).json == {"revocations": []}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", REVOCATIONS), ("POST", REVOCATIONS), ("POST", RELOAD)]
)
def test_only_who_may_administer_gets_in(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method, json={"everyone": True}, headers=bearer())

    assert answer.status_code == 403
    assert "grant of 'admin'" in answer.json["detail"]
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_a_reload_changes_grants_and_limits(client: FlaskClient, settings: Settings) -> None:
    (settings.root / "config.yaml").write_text(
        "model: {retries: 0}\nrate_limit: 7 per hour\n"
        "grants: [{roles: [user], actions: [read]}, {roles: [admin], actions: [admin]}]\n"
        "security: {leeway_seconds: 120}\nserver: {threads: 8}\n"
    )

    answer = client.post(RELOAD, headers=admin())

    refused = client.post(PREDICT, json=BODY, headers=bearer())
    assert answer.json == {"reloaded": True, "needs_restart": ["server.threads"]}
    assert refused.status_code == 403
    assert refused.headers["RateLimit-Policy"] == '"3600s";q=7;w=3600'


def test_wrong_settings_are_refused_and_change_nothing(
    client: FlaskClient, settings: Settings
) -> None:
    (settings.root / "config.yaml").write_text("rate_limit: often\nallowed_roles: [nobody]\n")

    answer = client.post(RELOAD, headers=admin())

    assert answer.status_code == 409
    assert "config.yaml: rate_limit" in answer.json["detail"]
    assert status(client, a_token()) == 200


def test_every_worker_takes_what_one_of_them_has_read(settings: Settings) -> None:
    a_promoted_model(settings)
    root = settings.root
    one, other = (
        create_app(
            services=build_services(settings, load=lambda: some_settings(root))
        ).test_client()
        for _ in range(2)
    )
    (root / "config.yaml").write_text("allowed_roles: [nobody]\nsecurity: {leeway_seconds: 120}\n")

    one.post(RELOAD, headers=admin())
    time.sleep(0.3)  # longer than a worker goes without looking

    assert status(other, a_token()) == 403


@pytest.mark.parametrize("path", [REVOCATIONS, RELOAD])
def test_without_authentication_nobody_administers(tmp_path: Path, path: str) -> None:
    settings = some_settings(tmp_path, enable_auth=False)
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    assert client.post(PREDICT, json=BODY).status_code == 200
    assert client.post(path, json={"everyone": True}).status_code == 403
