"""Rows by the names of entities: their features come from the online store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.adapters.sqlite_features import SqliteFeatures
from app.domain.audit import Event, Evidence
from app.domain.entities import EntityTable
from app.gate.services import Services
from app.settings.schema import Settings
from app.wiring import build_services
from test.api.bodies import answered, send
from test.builders import a_classification_table, a_promoted_model, some_settings

NAMES = ("b", "other", "a")  # not in the order of the model
ENTITIES: dict[str, tuple[float | None, ...]] = {
    "ann": (2.0, 9.0, 1.0),
    "bob": (4.0, 9.0, 3.0),
    "gap": (None, 9.0, 1.0),
    "far": (1.0, 9.0, 1e9),
}


def store(settings: Settings, as_of: datetime | None = None, names: Sequence[str] = NAMES) -> None:
    rows = [(name, *values) for name, values in ENTITIES.items()]
    table = EntityTable("customer_id", (*names,), len(rows), rows)
    folder = settings.path(settings.features.online_path)
    SqliteFeatures(folder).write(as_of or datetime.now(UTC), [table])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A stage with a classifier of ``a`` and ``b``, whose features are in the store."""
    settings = some_settings(
        tmp_path_factory.mktemp("entities"),
        rate_limit="100000 per minute",
        model={"retries": 0, "max_rows": 5},
    )
    a_promoted_model(settings, a_classification_table())
    store(settings)
    return settings


@pytest.fixture(scope="module")
def services(settings: Settings) -> Services:
    return build_services(settings)


@pytest.fixture(scope="module")
def gateway(services: Services) -> FlaskClient:
    return create_app(services=services).test_client()


def refused(gateway: FlaskClient, body: Any, status: int, kind: str) -> TestResponse:
    answer = send(gateway, body)
    assert (answer.status_code, answer.json["type"]) == (status, f"urn:gatehouse:problem:{kind}")
    return answer


def test_entities_are_answered_in_their_order_like_their_features(gateway: FlaskClient) -> None:
    by_name = {"entities": ["bob", "ann", "bob"], "probabilities": True}
    rows = {"data": [[3, 4], [1, 2], [3, 4]], "probabilities": True}

    found = answered(gateway, by_name)

    features = found.pop("features")
    assert found == answered(gateway, rows)
    assert features["generation"] == 1
    assert 0 <= features["age_seconds"] < 600
    assert features["as_of"].endswith("Z")


def test_a_missing_feature_is_missing_as_null_is(gateway: FlaskClient) -> None:
    found = answered(gateway, {"entities": ["gap"]})

    assert found["predictions"] == answered(gateway, {"data": [[1, None]]})["predictions"]


def test_features_share_the_cache_with_the_same_values_that_were_sent(gateway: FlaskClient) -> None:
    send(gateway, {"data": [[3, 4], [3, 4]]})

    assert send(gateway, {"entities": ["bob", "bob"]}).headers["X-Cache"] == "hit"


def test_an_entity_that_is_not_known_is_named_with_its_row(gateway: FlaskClient) -> None:
    answer = refused(gateway, {"entities": ["ann", "eve", "bob"]}, 400, "unknown-entity")

    reason = "is not in the feature store (entity 'eve')"
    assert answer.json["errors"] == [{"row": 1, "feature": None, "reason": reason}]
    assert "generation" not in answer.json["detail"]


def test_entities_without_an_answer_are_skipped_and_named(gateway: FlaskClient) -> None:
    body = {"entities": ["eve", "bob", "far", "ann"], "on_error": "skip"}

    found = answered(gateway, body)

    labels = answered(gateway, {"data": [[3, 4], [1, 2]]})["predictions"]
    assert found["predictions"] == [None, labels[0], None, labels[1]]
    assert [(it["row"], it["feature"]) for it in found["errors"]] == [(0, None), (2, "a")]
    assert ["'eve'" in found["errors"][0]["reason"], "'far'" in found["errors"][1]["reason"]]


def test_where_no_entity_is_known_none_is_answered(gateway: FlaskClient) -> None:
    found = answered(gateway, {"entities": ["eve"], "on_error": "skip"})

    assert found["predictions"] == [None]


def test_a_feature_that_breaks_the_contract_is_named_with_its_entity(gateway: FlaskClient) -> None:
    answer = refused(gateway, {"entities": ["ann", "far"]}, 400, "invalid-input")

    [fault] = answer.json["errors"]
    assert (fault["row"], fault["feature"]) == (1, "a")
    assert fault["reason"].endswith("(entity 'far')")


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
def test_entities_are_answered_as_text_too(gateway: FlaskClient, accept: str) -> None:
    answer = send(gateway, {"entities": ["ann", "bob"]}, accept=accept)

    assert answer.data == send(gateway, {"data": [[1, 2], [3, 4]]}, accept=accept).data


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"entities": []}, 400, "invalid-input"),
        ({"entities": "ann"}, 400, "invalid-input"),
        ({"entities": None}, 400, "invalid-input"),
        ({"entities": {"ann": 1}}, 400, "invalid-input"),
        ({"entities": [7]}, 400, "invalid-input"),
        ({"entities": [["ann"]]}, 400, "invalid-input"),
        ({"entities": [""]}, 400, "invalid-input"),
        ({"entities": ["x" * 201]}, 400, "invalid-input"),
        ({"entities": ["ann"] * 6}, 413, "body-too-large"),
        ({"entities": ["ann"], "data": [[1, 2]]}, 400, "invalid-request"),
        ({"entities": ["ann"], "columns": 1}, 400, "invalid-request"),
        (b'{"entities": ["ann"], "entities": ["bob"]}', 400, "invalid-request"),
        ({"entities": ["x\0y", "' OR 1=1 --"]}, 400, "unknown-entity"),
        ({"entities": ["\ud83d\ude00"] * 5}, 400, "unknown-entity"),
    ],
)
def test_what_names_no_entities_is_refused(
    gateway: FlaskClient, body: Any, status: int, kind: str
) -> None:
    refused(gateway, body, status, kind)


def test_twenty_unknown_entities_are_told_and_no_more(settings: Settings) -> None:
    model = settings.model.model_copy(update={"max_rows": 100})
    many = settings.model_copy(update={"model": model})
    gateway = create_app(services=build_services(many)).test_client()

    answer = refused(gateway, {"entities": ["eve"] * 50}, 400, "unknown-entity")

    assert len(answer.json["errors"]) == 20


def test_every_row_is_charged_like_one_that_was_sent(settings: Settings) -> None:
    policy = {"name": "rows", "cost": "rows", "rates": "4 per hour"}
    limits = settings.limits.model_validate({"policies": [policy]})
    gateway = create_app(services=build_services(settings.model_copy(update={"limits": limits})))

    statuses = [
        send(gateway.test_client(), {"entities": ["ann", "bob"]}).status_code for _ in range(3)
    ]

    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(("entity", "kind"), [("eve", "unknown-entity"), ("far", "invalid-input")])
def test_who_asks_which_entities_there_are_pays_for_the_rows(
    settings: Settings, entity: str, kind: str
) -> None:
    policy = {"name": f"asks-{entity}", "cost": "rows", "rates": "4 per hour"}
    limits = settings.limits.model_validate({"policies": [policy]})
    services = build_services(settings.model_copy(update={"limits": limits}))
    gateway = create_app(services=services).test_client()

    for _ in range(2):
        refused(gateway, {"entities": [entity] * 2}, 400, kind)

    refused(gateway, {"entities": [entity] * 2}, 429, "rate-limited")


def test_the_audit_log_gets_what_was_looked_up(services: Services) -> None:
    class Remembered:
        def __init__(self) -> None:
            self.evidence: list[Evidence] = []

        def record(self, event: Event) -> None:
            if event.evidence is not None:
                self.evidence.append(event.evidence)

    audit = Remembered()
    client = create_app(services=replace(services, audit=audit)).test_client()

    answered(client, {"entities": ["bob", "ann"]})

    assert [it.matrix.tolist() for it in audit.evidence] == [[[3, 4], [1, 2]]]


class TestTheStore:
    """Each test has a gateway of its own, for each changes the store."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        settings = some_settings(tmp_path, features={"max_age_seconds": 60})
        a_promoted_model(settings)
        return settings

    @pytest.fixture
    def gateway(self, settings: Settings) -> FlaskClient:
        return create_app(services=build_services(settings)).test_client()

    def test_before_anything_was_materialised_nobody_is_to_blame(
        self, gateway: FlaskClient
    ) -> None:
        answer = refused(gateway, {"entities": ["ann"]}, 503, "features-unavailable")

        assert answer.headers["Retry-After"]
        assert send(gateway, {"data": [[1, 2]]}).status_code == 200

    def test_features_that_are_too_old_are_not_answered_with(
        self, gateway: FlaskClient, settings: Settings
    ) -> None:
        store(settings, datetime.now(UTC) - timedelta(seconds=90))
        answer = refused(gateway, {"entities": ["ann"]}, 503, "features-too-old")
        assert answer.headers["Retry-After"]
        assert "at most 60 are allowed" in answer.json["detail"]
        exposed = gateway.get("/api/v1/metrics").text
        assert 'http_errors_total{type="features-too-old"} 1.0' in exposed

        store(settings)

        assert answered(gateway, {"entities": ["ann"]})["features"]["generation"] == 2

    def test_a_model_whose_features_are_not_all_there_says_which(
        self, gateway: FlaskClient, settings: Settings
    ) -> None:
        store(settings, names=("b", "other", "c"))

        answer = refused(gateway, {"entities": ["ann"]}, 400, "features-absent")

        assert "'a'" in answer.json["detail"]
        assert "'b'" not in answer.json["detail"]

    def test_entities_are_described_where_the_store_has_the_features(
        self, gateway: FlaskClient, settings: Settings
    ) -> None:
        def described() -> tuple[Any, Any]:
            parts = gateway.get("/apispec.json").json["components"]
            schema = parts["schemas"]["PredictRequest.line"]
            body = parts["requestBodies"]["Predict.line"]["content"]["application/json"]
            return schema, body["examples"]

        schema, examples = described()
        assert ("entities" in schema["properties"], "entities" in examples) == (False, False)
        assert schema["required"] == ["data"]

        store(settings)

        schema, examples = described()
        assert schema["oneOf"] == [{"required": ["data"]}, {"required": ["entities"]}]
        assert schema["properties"]["entities"]["maxItems"] == settings.model.max_rows
        assert json.dumps(examples["entities"]["value"]) == '{"entities": ["customer-7"]}'
