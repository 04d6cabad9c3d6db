"""An administrator changes which version of a model answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.adapters.stage_models import StageModels
from app.domain.audit import Event
from app.domain.traffic import Why
from app.gate.services import Services
from app.lifecycle import history
from app.lifecycle.promote import promote
from app.lifecycle.promotion_report import FOLDER, Objection, objection
from app.lifecycle.registry import STAGES_FOLDER, registry_of
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import (
    ROW,
    a_classification_table,
    a_promoted_model,
    a_regression_table,
    a_token,
    bearer,
    some_settings,
)
from test.gates import let_pass
from test.openapi import conforms, document_of, resolved

ADMIN = "/api/v1/admin/models"
CALLERS = [f"caller-{number}" for number in range(30)]
OPEN: dict[str, Any] = {"rate_limit": "100000 per minute"}


@pytest.fixture(scope="module")
def versions_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which three versions of ``line`` are registered, and the first serves."""
    settings = some_settings(tmp_path_factory.mktemp("versions"))
    for slope in (1.0, 2.0, 3.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
    registry = registry_of(settings)
    promote(settings.path(STAGES_FOLDER), registry, "line", "1", stage=settings.stage)
    return settings.root


@pytest.fixture
def settings(tmp_path: Path, versions_made: Path) -> Settings:
    """The gates let versions 2 and 3 pass beside the first."""
    shutil.copytree(versions_made / "model", tmp_path / "model")
    settings = some_settings(tmp_path, **OPEN)
    let_pass(settings, "line", "2", "3", champion="1")
    return settings


@pytest.fixture
def services(settings: Settings) -> Services:
    return build_services(settings)


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services=services).test_client()


def change(client: FlaskClient, path: str, **body: Any) -> TestResponse:
    """Send a change, and have this worker look for it at once."""
    headers = bearer(a_token(sub="root", roles=["admin"]))
    answer = client.post(f"{ADMIN}/{path}", json=body, headers=headers)
    look(client)
    return answer


def stop(client: FlaskClient, model: str = "line", **query: str) -> TestResponse:
    headers = bearer(a_token(sub="root", roles=["admin"]))
    answer = client.delete(f"{ADMIN}/{model}/candidate", query_string=query, headers=headers)
    look(client)
    return answer


def look(client: FlaskClient) -> None:
    models = client.application.extensions["gatehouse"].models
    assert isinstance(models, StageModels)
    models.refresh()


def answered_by(client: FlaskClient, path: str = "/api/v1/predict") -> dict[str, int]:
    """How many callers each version answers."""
    versions = [predicted(client, path, name).headers["X-Model-Version"] for name in CALLERS]
    return {version: versions.count(version) for version in sorted(set(versions))}


def predicted(client: FlaskClient, path: str, subject: str, **headers: str) -> TestResponse:
    token = bearer(a_token(sub=subject))
    return client.post(path, json={"data": [ROW]}, headers={**token, **headers})


def test_a_version_is_promoted_and_rolled_back(client: FlaskClient, settings: Settings) -> None:
    up = change(client, "line/promote", version="3", reason="it is better").json
    during = answered_by(client)
    back = change(client, "line/rollback", reason="it is not").json

    assert up == {"model": "line", "version": "3", "candidate": None, "changed": True}
    assert during == {"3": len(CALLERS)}
    assert back == {"model": "line", "version": "1", "candidate": None, "changed": True}
    assert answered_by(client) == {"1": len(CALLERS)}
    entries = history.read(settings.path(STAGES_FOLDER) / settings.stage, "line")[-2:]
    assert [(it.action, it.to, it.who, it.why) for it in entries] == [
        ("promote", "3", "root", "it is better"),
        ("rollback", "1", "root", "it is not"),
    ]


def test_what_the_gates_were_not_asked_about_is_not_promoted(
    client: FlaskClient, settings: Settings
) -> None:
    let_pass(settings, "line", "3", champion="2")

    answer = change(client, "line/promote", version="3", reason="it is urgent")

    assert answer.status_code == 409
    assert answer.json["detail"] == (
        "the gates were asked about line 3 against 2, and not against 1 on dev. "
        "Fix: scripts/promote_model.py line 3 --to dev --dry-run asks the gates; "
        "a promotion with 'force' and a 'reason' overrules them."
    )
    assert answered_by(client) == {"1": len(CALLERS)}


def test_a_promotion_by_force_names_what_it_overruled(
    client: FlaskClient, settings: Settings
) -> None:
    let_pass(settings, "line", "3", champion="1", failed="better")
    forced = {"version": "3", "force": True}

    plain = change(client, "line/promote", version="3")
    unsaid = change(client, "line/promote", **forced, reason=" ")
    done = change(client, "line/promote", **forced, reason="the champion is broken")

    assert (plain.status_code, unsaid.status_code, done.status_code) == (409, 400, 200)
    assert plain.json["detail"].startswith("line 3 against 1 on dev is refused by better. Fix: ")
    assert unsaid.json["detail"].startswith("'force' needs a 'reason'")
    last = history.read(settings.path(STAGES_FOLDER) / settings.stage, "line")[-1]
    assert (last.to, last.forced, last.why) == ("3", ("better",), "the champion is broken")


def test_a_damaged_contract_gives_its_place_to_the_version_that_had_it(
    client: FlaskClient, settings: Settings
) -> None:
    manifest = settings.path(STAGES_FOLDER) / settings.stage / "manifest.json"
    shutil.rmtree(settings.path(settings.runtime_path) / FOLDER)
    let_pass(settings, "line", "3", champion=None)
    manifest.write_bytes(b"{")

    other = change(client, "line/promote", version="3")
    same = change(client, "line/promote", version="1")

    assert other.status_code == 409
    assert "asked about line 3 against a free place, and not against 1" in other.json["detail"]
    assert same.json == {"model": "line", "version": "1", "candidate": None, "changed": True}


def test_a_judged_canary_has_passed_the_gates_before(
    client: FlaskClient, services: Services, settings: Settings
) -> None:
    judged: dict[str, Any] = {"version": "2", "share": 0.5, "judge": {}}
    reports = settings.path(settings.runtime_path) / FOLDER

    begun = change(client, "line/canary", **judged)
    stop(client)
    shutil.rmtree(reports)
    refused = change(client, "line/canary", **judged)
    let_pass(settings, "line", "2", champion="1")
    change(client, "line/canary", **judged)
    shutil.rmtree(reports)
    by_hand = change(client, "line/promote")
    late = services.changes.promote("line", "2", Why("judge"), "3")
    promoted = services.changes.promote("line", "2", Why("judge"), "1")

    assert (begun.status_code, refused.status_code, by_hand.status_code) == (200, 409, 409)
    assert "no gate was asked about line 2 against 1 on dev" in refused.json["detail"]
    assert (late.version, late.changed) == ("1", False)
    assert (promoted.version, promoted.changed) == ("2", True)


def test_a_judged_canary_beside_another_champion_needs_another_report(client: FlaskClient) -> None:
    change(client, "line/canary", version="2", share=0.5, judge={})
    change(client, "line/promote", version="3")

    by_hand = change(client, "line/promote", version="2")

    assert by_hand.status_code == 409
    assert "asked about line 2 against 1, and not against 3 on dev" in by_hand.json["detail"]


def test_a_report_lets_no_other_files_pass_than_the_gates_saw(
    client: FlaskClient, settings: Settings
) -> None:
    second, third = (settings.path(settings.model.registry_path) / "line" / it for it in "23")
    seen, other = (json.loads((it / "manifest.json").read_bytes()) for it in (second, third))
    shutil.copy(third / "linear.npz", second)
    swapped = seen | {key: other[key] for key in ("compiled", "golden")}
    (second / "manifest.json").write_text(json.dumps(swapped))

    answer = change(client, "line/promote", version="2")

    assert answer.status_code == 409
    assert "no gate was asked about line 2 against 1 on dev" in answer.json["detail"]


def test_a_report_counts_for_the_champion_that_was_there_when_it_was_read(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody promotes version 3 right after the report on version 2 was read."""

    def overtaken(*arguments: Any, **named: Any) -> Objection | None:
        found = objection(*arguments, **named)
        models = settings.path(STAGES_FOLDER)
        promote(models, registry_of(settings), "line", "3", stage=settings.stage)
        return found

    monkeypatch.setattr("app.wiring.changes.objection", overtaken)

    answer = change(client, "line/promote", version="2")

    assert answer.status_code == 409
    assert "this promotion meant to replace 1." in answer.json["detail"]
    assert answered_by(client) == {"3": len(CALLERS)}


def test_a_damaged_contract_is_rolled_back_over(client: FlaskClient, settings: Settings) -> None:
    change(client, "line/promote", version="3")
    stage = settings.path(settings.model.model_path).parent
    (stage / "manifest.json").write_bytes(b"{")

    back = change(client, "line/rollback")

    assert back.status_code == 200
    assert back.json["changed"] is True
    assert answered_by(client) == {back.json["version"]: len(CALLERS)}


def test_the_life_of_a_candidate_is_in_the_history(client: FlaskClient, settings: Settings) -> None:
    change(client, "line/shadow", version="2", reason="is it alike?")
    change(client, "line/canary", version="2", share=0.5, reason="it is")
    change(client, "line/promote", reason="it is better")

    entries = history.read_trials(settings.path(STAGES_FOLDER) / settings.stage, "line")
    assert [(it.action, it.after and it.after.share, it.who, it.why) for it in entries] == [
        ("shadow", 1.0, "root", "is it alike?"),
        ("canary", 0.5, "root", "it is"),
        ("stop", None, "root", "it is better"),
    ]


def test_a_canary_answers_its_share_until_it_is_promoted(client: FlaskClient) -> None:
    begun = change(client, "line/canary", version="2", share=0.5)
    during = answered_by(client)
    ended = change(client, "line/promote")

    assert begun.status_code == 200
    assert begun.json["candidate"] == {
        "version": "2",
        "mode": "canary",
        "share": 0.5,
        "sticky": "subject",
        "tolerance": 1e-6,
    }
    assert during.keys() == {"1", "2"}
    assert ended.json == {"model": "line", "version": "2", "candidate": None, "changed": True}
    assert answered_by(client) == {"2": len(CALLERS)}


def test_a_canary_is_let_go(client: FlaskClient) -> None:
    change(client, "line/canary", version="2", share=1)
    during = answered_by(client)

    ended = stop(client, reason="it is slow")

    assert during == {"2": len(CALLERS)}
    assert ended.json == {"model": "line", "version": "1", "candidate": None, "changed": True}
    assert answered_by(client) == {"1": len(CALLERS)}


def test_a_header_chooses_the_version_and_the_subject_does_without_it(client: FlaskClient) -> None:
    change(client, "line/canary", version="2", share=0.5, sticky="header:X-Canary-Key")

    def version(subject: str, **headers: str) -> str:
        return predicted(client, "/api/v1/predict", subject, **headers).headers["X-Model-Version"]

    keys = [str(number) for number in range(12)]
    by_key = {key: {version(name, **{"X-Canary-Key": key}) for name in "abc"} for key in keys}
    assert {len(found) for found in by_key.values()} == {1}
    assert set().union(*by_key.values()) == {"1", "2"}
    assert {version(name) for name in CALLERS} == {"1", "2"}


def test_a_roll_back_lets_the_candidate_go(client: FlaskClient) -> None:
    change(client, "line/promote", version="3")
    change(client, "line/canary", version="2", share=1)

    back = change(client, "line/rollback").json

    assert (back["version"], back["candidate"]) == ("1", None)
    assert answered_by(client) == {"1": len(CALLERS)}


def test_a_shadow_answers_nobody_who_names_it_either(client: FlaskClient) -> None:
    change(client, "line/shadow", version="2")

    refused = predicted(client, "/api/v1/models/line/versions/2/predict", "alice")

    assert refused.status_code == 404
    assert refused.json["detail"] == "Version 2 is not served here; there is: 1."


def test_a_pinned_route_answers_champion_and_candidate_alone(client: FlaskClient) -> None:
    change(client, "line/canary", version="2", share=0)
    path = "/api/v1/models/line/versions/{}/predict"

    assert answered_by(client) == {"1": len(CALLERS)}
    assert answered_by(client, path.format(1)) == {"1": len(CALLERS)}
    assert answered_by(client, path.format(2)) == {"2": len(CALLERS)}
    refused = predicted(client, path.format(3), "alice")
    assert refused.status_code == 404
    assert refused.json["detail"] == "Version 3 is not served here; there is: 1, 2."


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("promote", {"version": "1"}),
        ("rollback", {"replaces": "3"}),
        ("canary", {"version": "2", "share": 0.5}),
        ("shadow", {"version": "2"}),
    ],
)
def test_done_twice_the_second_time_changes_nothing(
    client: FlaskClient, path: str, body: dict[str, Any]
) -> None:
    if path == "rollback":
        change(client, "line/promote", version="3")

    first = change(client, f"line/{path}", **body).json or {}
    second = change(client, f"line/{path}", **body).json

    assert first["changed"] is (path != "promote")
    assert second == {**first, "changed": False}


def test_a_candidate_that_is_gone_can_be_let_go_again(client: FlaskClient) -> None:
    change(client, "line/canary", version="2", share=0.5)

    assert [stop(client).json["changed"] for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("line/promote", {}, 409, "line has no candidate. Name a 'version'."),
        ("line/promote", {"version": "9"}, 409, "there is: 1, 2, 3"),
        ("line/promote", {"version": "2", "force": 1}, 400, "'force': Input should be a valid"),
        ("line/canary", {"version": "1", "share": 0.1}, 409, "line 1 is promoted on dev already"),
        ("line/canary", {"version": "9", "share": 0.1}, 409, "there is: 1, 2, 3"),
        ("nobody/canary", {"version": "1", "share": 0.1}, 404, "no nobody is promoted on dev"),
        ("nobody/rollback", {}, 404, "no nobody is promoted on dev"),
        ("NOBODY/shadow", {"version": "1"}, 404, "No model of this name"),
        ("line/canary", {"version": "2"}, 400, "'share': Field required"),
        ("line/canary", {"version": "2", "share": 2}, 400, "'share': Input should be less than"),
        ("line/canary", {"version": 2, "share": 0.1}, 400, "'version': Input should be a valid"),
        ("line/canary", {"version": "../2", "share": 0.1}, 400, "'version': String should match"),
        ("line/canary", {"version": "2", "share": True}, 400, "'share': Input should be a valid"),
        ("line/shadow", {"version": "2", "sticky": "subject"}, 400, "'sticky': Extra inputs"),
        ("line/promote", {"version": "2", "reason": "x" * 501}, 400, "'reason': String should"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, dict) else ",".join(value),
)
def test_a_change_that_cannot_be_is_refused_with_a_reason(
    client: FlaskClient, path: str, body: dict[str, Any], status: int, detail: str
) -> None:
    answer = change(client, path, **body)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert detail in answer.json["detail"]
    assert answered_by(client) == {"1": len(CALLERS)}


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{", b'{"version": NaN}', b'{"reason": "\\ud800"}', b"\xff", b"1" * 5_000],
    ids=["list", "cut", "number", "surrogate", "bytes", "long"],
)
def test_a_body_that_is_no_object_is_refused(client: FlaskClient, content: bytes) -> None:
    headers = bearer(a_token(roles=["admin"])) | {"Content-Type": "application/json"}

    answer = client.post(f"{ADMIN}/line/promote", data=content, headers=headers)

    assert answer.status_code in {400, 413}


def test_a_first_version_cannot_be_rolled_back(client: FlaskClient, settings: Settings) -> None:
    a_promoted_model(settings, a_classification_table())

    answer = change(client, "sides/rollback")

    assert answer.status_code == 409
    assert "no version of sides before 1" in answer.json["detail"]


def test_a_version_with_another_task_is_no_candidate(
    client: FlaskClient, settings: Settings
) -> None:
    a_promoted_model(settings, a_classification_table(), name="line")
    promote(settings.path(STAGES_FOLDER), registry_of(settings), "line", "1", stage=settings.stage)

    answer = change(client, "line/canary", version="4", share=0.5)

    assert answer.status_code == 409
    assert "another task than version 1" in answer.json["detail"]


@pytest.mark.parametrize("path", ["promote", "rollback", "canary", "shadow"])
def test_only_administrators_change_versions(client: FlaskClient, path: str) -> None:
    for headers, status in ((bearer(), 403), ({}, 401)):
        answer = client.post(f"{ADMIN}/line/{path}", json={"version": "2"}, headers=headers)
        assert answer.status_code == status
        gone = client.delete(f"{ADMIN}/line/candidate", headers=headers)
        assert gone.status_code == status


def test_who_did_what_and_why_is_remembered(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    monkeypatch.setattr(services.audit, "record", events.append)
    client = create_app(services=services).test_client()

    change(client, "line/canary", version="2", share=0.5, reason="try it")
    stop(client, reason="enough")
    change(client, "line/promote", version="9", reason="oops")

    assert [(it.kind, it.subject, it.status) for it in events] == [
        ("admin", "root", 200),
        ("admin", "root", 200),
        ("refusal", "root", 409),
    ]
    canary, gone, refused = [it.detail or "" for it in events]
    assert '"change":"canary"' in canary
    assert '"share":0.5' in canary
    assert '"reason":"try it"' in canary
    assert gone == '{"change":"stop","model":"line","reason":"enough"}'
    assert '"version":"9"' in refused


@pytest.mark.parametrize(
    ("key", "path", "body"),
    [
        ("version", "promote", {"version": "3"}),
        ("version", "rollback", {}),
        ("candidate", "canary", {"version": "3", "share": 0.5}),
        ("candidate", "rollback", {}),
    ],
)
def test_what_the_settings_decide_is_changed_there(
    settings: Settings, key: str, path: str, body: dict[str, Any]
) -> None:
    settings = some_settings(settings.root, traffic={"line": {key: "2"}}, **OPEN)
    client = create_app(services=build_services(settings)).test_client()

    answer = change(client, f"line/{path}", **body)

    assert answer.status_code == 409
    assert answer.json["detail"].startswith(f"traffic.line.{key} of the settings decides.")


def test_a_gateway_that_does_not_serve_its_stage_changes_nothing_there(settings: Settings) -> None:
    elsewhere = settings.root / "elsewhere"
    settings.path(settings.model.model_path).parent.rename(elsewhere)
    settings = some_settings(settings.root, model={"model_path": "elsewhere/model.joblib"})
    client = create_app(services=build_services(settings)).test_client()

    answer = change(client, "line/promote", version="2")

    assert answer.status_code == 409
    assert "model.model_path is elsewhere/model.joblib" in answer.json["detail"]


def test_answered_and_refused_requests_are_counted_by_version(
    client: FlaskClient, services: Services
) -> None:
    change(client, "line/canary", version="2", share=1)
    predicted(client, "/api/v1/predict", "alice")
    wrong = {"data": [["x", 1]]}
    client.post("/api/v1/predict", json=wrong, headers=bearer(a_token(sub="alice")))

    text = services.metrics.exposition()[1].decode()

    name = "gatehouse_unanswered_predictions_total"
    assert f'{name}{{model="line",status="400",version="2"}} 1.0' in text
    name = "request_duration_seconds_by_model_count"
    assert f'{name}{{model="line",version="2"}} 1.0' in text
    assert f'{name}{{model="line",version="1"}} 0.0' in text


def test_the_document_describes_what_the_changes_take_and_answer(client: FlaskClient) -> None:
    document = document_of(client)

    def schema_of(path: str) -> Any:
        operation = document["paths"][f"{ADMIN}/{{name}}/{path}"]["post"]
        return resolved(document, operation["requestBody"])["content"]["application/json"]["schema"]

    for path, body in (
        ("promote", {}),
        ("canary", {"version": "2", "share": 0.5, "sticky": "header:X-Key", "reason": "why"}),
        ("shadow", {"version": "3", "tolerance": 0.01}),
        ("rollback", {"replaces": "1"}),
    ):
        assert conforms(document, schema_of(path), body)
        answer = change(client, f"line/{path}", **body)
        assert conforms(document, {"$ref": "#/components/schemas/Serving"}, answer.json) == (
            answer.status_code == 200
        )
