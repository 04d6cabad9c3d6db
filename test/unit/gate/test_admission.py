from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.domain.audit import Event
from app.errors import AuditDownError
from app.gate.admission import REFUSAL_SECONDS
from app.gate.services import Services
from app.wiring import build_services
from test.builders import ROW, a_promoted_model, a_token, bearer, some_settings

PREDICT = "/api/v1/predict"
BODY = {"data": [ROW]}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        a_token("another secret of at least thirty-two bytes"),
        a_token(exp=1),
        a_token(sub=None),
        a_token(algorithm="HS512"),
    ],
    ids=["empty", "malformed", "signature", "expired", "claims", "algorithm"],
)
def test_no_refusal_comes_sooner_than_another(client: FlaskClient, token: str) -> None:
    started = time.perf_counter()
    answer = client.post(PREDICT, json=BODY, headers={"Authorization": f"Bearer {token}"})
    seconds = time.perf_counter() - started

    assert answer.status_code == 401
    assert seconds >= REFUSAL_SECONDS


def test_a_valid_token_is_not_refused_for_the_failures_of_its_neighbours(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, security={"failed_auth_limit": "2 per hour"})
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    guesses = [client.post(PREDICT, headers=bearer("guess")).status_code for _ in range(4)]

    assert guesses == [401, 401, 429, 429]
    assert client.post(PREDICT, json=BODY, headers=bearer()).status_code == 200


def test_while_no_key_is_known_strangers_are_limited_all_the_same(tmp_path: Path) -> None:
    security = {"jwks": "http://127.0.0.1:9/none", "failed_auth_limit": "2 per hour"}
    (tmp_path / "config.yaml").write_text("model: {retries: 0}\n")
    settings = some_settings(tmp_path, {"JWT_SECRET": ""}, security=security)
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    statuses = [client.post(PREDICT, headers=bearer()).status_code for _ in range(4)]

    assert statuses == [503, 503, 429, 429]


class Remembering:
    """An audit log in memory, which can be told to be down."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_down = False

    def record(self, event: Event) -> None:
        if self.is_down:
            raise AuditDownError("The audit log cannot be written now.")
        self.events.append(event)


@pytest.fixture
def audit() -> Remembering:
    return Remembering()


@pytest.fixture
def audited(services: Services, audit: Remembering) -> FlaskClient:
    return create_app(services=replace(services, audit=audit)).test_client()


def test_a_prediction_is_handed_to_the_audit_log(audited: FlaskClient, audit: Remembering) -> None:
    answer = audited.post(PREDICT, json=BODY, headers=bearer())

    (event,) = audit.events
    assert event.evidence is not None
    assert event.evidence.matrix.tolist() == [ROW]
    assert event.evidence.contract.name == "line"
    assert b'"predictions":' in event.evidence.fragment
    assert (event.request_id, event.subject) == (answer.json["request_id"], "alice")


def test_a_refusal_is_handed_over_with_whom_it_met(
    audited: FlaskClient, audit: Remembering
) -> None:
    audited.post(PREDICT, json=BODY, headers=bearer(a_token(roles=["guest"])))
    audited.post(PREDICT, json=BODY, headers=bearer("guess"))
    audited.get("/livez")

    assert [(event.status, event.subject, event.problem) for event in audit.events] == [
        (403, "alice", "insufficient-permissions"),
        (401, None, "invalid-token"),
    ]


@pytest.mark.parametrize("path", ["/api/v1/admin/reload", "/api/v1/admin/revocations", PREDICT])
def test_what_anybody_may_ask_leaves_no_record(
    audited: FlaskClient, audit: Remembering, path: str
) -> None:
    assert audited.options(path).status_code == 200

    assert audit.events == []


def test_what_cannot_be_remembered_is_not_answered(
    audited: FlaskClient, audit: Remembering
) -> None:
    audit.is_down = True

    answer = audited.post(PREDICT, json=BODY, headers=bearer())

    assert answer.status_code == 503
    assert answer.json["type"] == "urn:gatehouse:problem:audit-down"
    assert b"predictions" not in answer.data
    assert answer.headers["Retry-After"]
    assert answer.content_length == len(answer.data)
