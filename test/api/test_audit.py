"""What a request leaves behind, from the route to the record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.adapters.audit.queueing import AuditQueue
from app.domain.audit import Record
from app.errors import SettingsError
from app.gate.services import Services
from app.settings.schema import Settings
from app.wiring import audit_log, build_services, check_model
from test.builders import ROW, a_promoted_model, a_token, bearer, some_settings

Gateway = Callable[..., FlaskClient]


@pytest.fixture
def built() -> list[Services]:
    return []


@pytest.fixture
def gateway(tmp_path: Path, built: list[Services]) -> Iterator[Gateway]:
    """Make a gateway with these settings of the audit log."""

    def make(**audit: Any) -> FlaskClient:
        settings = some_settings(tmp_path, audit=audit, allowed_roles=["admin", "user"])
        a_promoted_model(settings)
        built.append(build_services(settings))
        return create_app(services=built[-1]).test_client()

    yield make
    for services in built:
        close(services)


def close(services: Services) -> None:
    if isinstance(services.audit, AuditQueue):
        services.audit.close()


def kept(services: Services) -> list[Record]:
    """Every record, once all are written."""
    close(services)
    with audit_log(services.settings).opened() as log:
        return list(log.between(0, 2**62))


def predict(client: FlaskClient, *, token: str | None = None, row: object = None) -> Any:
    body = {"data": [row or ROW]}
    headers = bearer(token) | {"X-Request-ID": "r1"}
    return client.post("/api/v1/predict", json=body, headers=headers)


def test_a_prediction_leaves_a_record(gateway: Gateway, built: list[Services]) -> None:
    client = gateway()
    answer = predict(client).json
    contract = built[0].models.current().contract

    (record,) = kept(built[0])

    assert (record.kind, record.request_id, record.status) == ("prediction", "r1", 200)
    assert (record.method, record.route) == ("POST", "/api/v1/predict")
    assert (record.subject, record.address) == ("alice", "127.0.0.1")
    assert (record.model, record.version) == (contract.name, contract.version)
    assert record.digest == contract.artefact.sha256
    assert json.loads(record.inputs or "") == {"a": [1.0], "b": [2.0]}
    assert json.loads(record.outputs or "") == {"predictions": answer["predictions"]}
    assert record.n_rows == 1
    assert record.duration_us > 0


def test_a_filled_in_value_is_the_one_that_the_model_saw(
    gateway: Gateway, built: list[Services]
) -> None:
    predict(gateway(), row=[None, 2.0])

    (record,) = kept(built[0])
    assert json.loads(record.inputs or "") == {"a": [0.0], "b": [2.0]}


def test_refused_and_unauthorised_requests_leave_one_too(
    gateway: Gateway, built: list[Services]
) -> None:
    client = gateway()
    predict(client, token="x.y.z")
    predict(client, token=a_token(roles=["guest"]))
    predict(client, row=["no number", 2.0])

    told = [(r.kind, r.status, r.subject, r.inputs) for r in kept(built[0])]

    assert told == [
        ("refusal", 401, None, None),
        ("refusal", 403, "alice", None),
        ("refusal", 400, "alice", None),
    ]


def test_an_act_of_an_administrator_leaves_what_was_asked_for(
    gateway: Gateway, built: list[Services]
) -> None:
    headers = bearer(a_token(sub="root", roles=["admin"]))
    body = {"subject": "mallory"}
    answer = gateway().post("/api/v1/admin/revocations", json=body, headers=headers)
    assert answer.status_code == 201

    (record,) = kept(built[0])

    assert (record.kind, record.subject) == ("admin", "root")
    assert "mallory" in (record.detail or "")


def test_what_is_personal_is_kept_as_the_settings_say(
    gateway: Gateway, built: list[Services]
) -> None:
    of_line = {"inputs": "omitted", "features": {"a": "hashed"}, "outputs": "omitted"}
    predict(gateway(models={"line": of_line}))

    (record,) = kept(built[0])

    inputs = json.loads(record.inputs or "")
    assert list(inputs) == ["a"]
    assert inputs["a"][0].startswith("hmac-sha256:")
    assert record.outputs is None


def test_the_token_is_not_kept(gateway: Gateway, built: list[Services]) -> None:
    token = a_token()
    predict(gateway(), token=token)

    assert token.rpartition(".")[2] not in str(kept(built[0]))


def test_strict_answers_only_what_is_written(gateway: Gateway, built: list[Services]) -> None:
    client = gateway(mode="strict", flush_seconds=60)

    assert predict(client).status_code == 200

    with audit_log(built[0].settings).opened() as log:
        assert len(list(log.between(0, 2**62))) == 1


def test_strict_refuses_when_the_log_cannot_be_written(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "runtime" / "audit.sqlite").mkdir(parents=True)
    client = gateway(mode="strict")

    answer = predict(client)

    assert answer.status_code == 503
    assert answer.json["type"] == "urn:gatehouse:problem:audit-down"
    assert "predictions" not in answer.json
    assert answer.headers["Retry-After"]
    text = client.get("/api/v1/metrics").text
    assert 'gatehouse_audit_events_total{outcome="failed"}' in text


def test_background_answers_when_the_log_cannot_be_written(
    gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "runtime" / "audit.sqlite").mkdir(parents=True)

    assert predict(gateway(flush_seconds=0.01)).status_code == 200


def test_off_writes_nothing(gateway: Gateway, tmp_path: Path) -> None:
    assert predict(gateway(mode="off")).status_code == 200

    assert not (tmp_path / "runtime" / "audit.sqlite").exists()


def test_what_only_an_operator_can_mend_is_found_before_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    audit_log(settings).check()  # there is no log yet, which is right

    wrong = some_settings(tmp_path, audit={"signing_key": "none.pem"})
    with pytest.raises(SettingsError, match=r"audit\.signing_key: .*none\.pem: No such file"):
        audit_log(wrong).check()
    audit_log(some_settings(tmp_path, audit={"signing_key": "none.pem", "mode": "off"})).check()


def test_a_feature_that_the_model_lacks_stops_the_start(tmp_path: Path) -> None:
    models = {"line": {"features": {"aa": "hashed"}}}
    settings = some_settings(tmp_path, audit={"models": models})
    a_promoted_model(settings)

    with pytest.raises(
        SettingsError, match=r"audit\.models\.line\.features: .*no 'aa'.*Fix: one of a"
    ):
        check_model(settings)
