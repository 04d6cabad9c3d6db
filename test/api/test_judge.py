"""A canary that is judged: how an administrator begins one, and what the gate tells its judge."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.adapters.stage_models import StageModels
from app.domain.judge import Rules
from app.domain.traffic import Caller, Split
from app.lifecycle import history
from app.lifecycle.promote import promote
from app.lifecycle.registry import STAGES_FOLDER
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import a_contract, a_token, bearer, some_settings
from test.e2e.estimators import UNBEARABLE, Choosy, Sides
from test.e2e.obedient import ALLOWED, a_registered_estimator
from test.gates import let_pass
from test.openapi import conforms, document_of
from test.promoted import announce_canary, promote_estimator

CANARY = "/api/v1/admin/models/sides/canary"
PREDICT = "/api/v1/predict"
WITH = {"version": "2", "share": 0.5}
SPLIT = Split(model="sides", version="2", mode="canary", share=0.5)
CALLERS = {
    SPLIT.version if SPLIT.takes(Caller(name)) else "1": name
    for name in (f"caller-{number}" for number in range(50))
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two versions of ``sides``: the first serves, the second is frail."""
    settings = some_settings(
        tmp_path,
        rate_limit="100000 per minute",
        security={"allowed_modules": ALLOWED},
        cache={"max_entries": 0},
    )
    for model in (Sides("champion"), Sides("frail", is_frail=True)):
        a_registered_estimator(settings, model, name="sides")
    registry = settings.path(settings.model.registry_path)
    promote(settings.path(STAGES_FOLDER), registry, "sides", "1", stage=settings.stage)
    let_pass(settings, "sides", "2", champion="1")
    return settings


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(services=build_services(settings)).test_client()


def begin(client: FlaskClient, **body: Any) -> TestResponse:
    headers = bearer(a_token(sub="root", roles=["admin"]))
    answer = client.post(CANARY, json=body, headers=headers)
    look(client)
    return answer


def look(client: FlaskClient) -> None:
    models = client.application.extensions["gatehouse"].models
    assert isinstance(models, StageModels)
    models.refresh()
    models.judge()


def predict(client: FlaskClient, version: str, *row: Any, path: str = PREDICT) -> TestResponse:
    """Ask as a caller whom *version* answers."""
    token = bearer(a_token(sub=CALLERS[version]))
    return client.post(path, json={"data": [row or (1.0, 2.0)]}, headers=token)


def learn(client: FlaskClient, *row: Any) -> None:
    """Have the champion answer until it is known where slow begins."""
    for _ in range(50):
        assert predict(client, "1", *row).status_code == 200
    look(client)


def counted(client: FlaskClient, settings: Settings) -> dict[str, int]:
    """How many requests of each version ended how, whether fast or slow; nothing that is zero."""
    look(client)
    found: Counter[str] = Counter()
    for file in settings.path(settings.runtime_path).glob("trials/*/*/[0-9]*.json"):
        document = json.loads(file.read_bytes())
        for role in ("champion", "candidate"):
            fast, slow, failed = document[role]
            found.update({role: fast + slow, f"{role} failed": failed})
    return dict(+found)


def test_a_judged_canary_tells_its_rules(client: FlaskClient) -> None:
    answer = begin(client, **WITH, judge={"least_requests": 900})
    [listed] = client.get("/api/v1/models", headers=bearer(a_token())).json["models"]

    told = answer.json["candidate"]
    assert told["judge"] == Rules(least_requests=900).model_dump()
    assert listed["candidate"] == told
    document = document_of(client)
    assert conforms(document, {"$ref": "#/components/schemas/Serving"}, answer.json)
    described = document["components"]["schemas"]["Judge"]["properties"]
    defaults = {name: it["default"] for name, it in described.items()}
    assert defaults == Rules().model_dump()


def test_a_canary_is_not_judged_unless_that_is_asked_for(client: FlaskClient) -> None:
    assert "judge" not in begin(client, **WITH).json["candidate"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"judge": {"level": 2}}, "'judge.level': Input should be less than 1"),
        ({"judge": {"level": "0.1"}}, "'judge.level': Input should be a valid number"),
        ({"judge": {"levels": 0.1}}, "'judge.levels': Extra inputs are not permitted"),
        ({"judge": {"most_requests": 9}}, "'judge': most_requests (9) must be no less than least_"),
        ({"judge": True}, "'judge': Input should be a valid dictionary"),
        ({"judge": {}, "share": 1}, "'judge' needs a canary whose 'share' lies between 0 and 1"),
        ({"judge": {}, "share": 0}, "'judge' needs a canary whose 'share' lies between 0 and 1"),
    ],
    ids=["range", "text", "unknown", "contradiction", "no-object", "all", "none"],
)
def test_rules_that_cannot_be_are_refused(
    client: FlaskClient, body: dict[str, Any], detail: str
) -> None:
    answer = begin(client, **WITH | body)

    assert answer.status_code == 400
    assert detail in answer.json["detail"]
    assert "Value error" not in answer.json["detail"]


def test_each_request_of_either_version_is_counted_once(
    client: FlaskClient, settings: Settings
) -> None:
    begin(client, **WITH, judge={"tolerated_disagreement": None})
    learn(client)

    answers = [
        predict(client, "1"),
        predict(client, "1", UNBEARABLE, 1.0),
        predict(client, "2"),
        predict(client, "2", UNBEARABLE, 1.0),
        predict(client, "2", "x", 1.0),
        predict(client, "2", UNBEARABLE, 1.0, path="/api/v1/models/sides/versions/2/predict"),
        predict(client, "1", path="/api/v1/models/sides/versions/2/predict"),
        client.post(PREDICT, json={"data": [[1.0, 2.0]]}),
    ]

    assert [it.status_code for it in answers] == [200, 200, 200, 500, 400, 500, 200, 401]
    expected = {"champion": 2, "candidate": 1, "candidate failed": 1}
    assert counted(client, settings) == expected
    assert counted(client, settings) == expected


def test_nothing_is_counted_of_a_canary_that_is_not_judged(
    client: FlaskClient, settings: Settings
) -> None:
    begin(client, **WITH)
    learn(client)

    failed = predict(client, "2", UNBEARABLE, 1.0)

    assert failed.status_code == 500
    assert not (settings.path(settings.runtime_path) / "trials").exists()


def test_texts_that_only_the_candidate_refuses_are_its_failures(tmp_path: Path) -> None:
    settings = some_settings(
        tmp_path, security={"allowed_modules": ALLOWED}, cache={"max_entries": 0}
    )
    fields = {
        "name": "sides",
        "input": "texts",
        "features": [{"name": "text", "kind": "text"}],
        "task": "classification",
        "outputs": {"classes": (0, 1)},
    }
    promote_estimator(settings, Choosy(), a_contract(**fields))
    announce_canary(settings, Choosy("zebra"), a_contract(**fields, version="2"))
    rules = Rules(tolerated_disagreement=None)
    split = Split.model_validate(SPLIT.model_dump() | {"judge": rules})
    [traffic] = tmp_path.glob("model/*/.candidate/traffic.json")
    traffic.write_text(split.model_dump_json())
    client = create_app(services=build_services(settings)).test_client()
    learn(client, "horse")

    answers = [predict(client, version, "zebra") for version in "12"]

    assert [it.status_code for it in answers] == [200, 400]
    assert counted(client, settings) == {"champion": 1, "candidate failed": 1}


def test_a_verdict_beside_a_champion_that_is_gone_promotes_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody promotes version 3, and this worker has not seen it yet."""
    monkeypatch.setattr("app.adapters.stage_models._poll", lambda *_: None)
    client = create_app(services=build_services(settings)).test_client()
    begin(client, **WITH, judge={})
    a_registered_estimator(settings, Sides("third"), name="sides")
    models = settings.path(STAGES_FOLDER)
    registry = settings.path(settings.model.registry_path)
    promote(models, registry, "sides", "3", stage=settings.stage)
    [trial] = settings.path(settings.runtime_path).glob("trials/*/*")
    (trial / "ruling.json").write_text('{"ruling": "promote", "reason": "it is no worse"}')

    client.application.extensions["gatehouse"].models.judge()

    stage = models / settings.stage
    assert [it.to for it in history.read(stage, "sides")] == ["1", "3"]
    assert [it.action for it in history.read_trials(stage, "sides")] == ["canary"]
