from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.gate.services import Models
from app.wiring import build_services
from test.builders import ROW, a_promoted_model, a_token, bearer, some_settings

PREDICT = "/api/v1/predict"
BODY = {"data": [ROW]}


def a_client(root: Path, *grants: dict[str, Any]) -> FlaskClient:
    settings = some_settings(root, grants=list(grants))
    a_promoted_model(settings)
    return create_app(services=build_services(settings)).test_client()


def test_a_grant_on_another_model_does_not_open_this_one(tmp_path: Path) -> None:
    client = a_client(tmp_path, {"roles": ["user"], "actions": ["predict"], "models": ["fraud-*"]})

    answer = client.post(PREDICT, json=BODY, headers=bearer())

    assert answer.status_code == 403
    assert answer.json["detail"] == "This needs a grant of 'predict' on 'line'."
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_a_default_that_is_loaded_between_admission_and_answer_needs_the_grant_too(
    tmp_path: Path,
) -> None:
    settings = some_settings(
        tmp_path, grants=[{"roles": ["user"], "actions": ["predict"], "models": ["fraud-*"]}]
    )
    a_promoted_model(settings)
    services = build_services(settings)
    late = replace(services, models=cast("Models", LateModels(services.models)))
    client = create_app(services=late).test_client()

    assert client.post(PREDICT, json=BODY, headers=bearer()).status_code == 403


class LateModels:
    """Models whose default is there only when it is asked to answer."""

    default_name = None

    def __init__(self, models: Models) -> None:
        self._models = models

    def __getattr__(self, name: str) -> Any:
        return getattr(self._models, name)


def test_a_grant_lets_in_by_role_and_model(tmp_path: Path) -> None:
    client = a_client(tmp_path, {"roles": ["analyst"], "actions": ["predict"], "models": ["li*"]})

    statuses = {
        role: client.post(PREDICT, json=BODY, headers=bearer(a_token(roles=[role]))).status_code
        for role in ("analyst", "admin", "user")
    }

    assert statuses == {"analyst": 200, "admin": 403, "user": 403}


def test_a_grant_lets_in_by_scope(tmp_path: Path) -> None:
    client = a_client(tmp_path, {"scopes": ["models:predict"], "actions": ["predict"]})

    answer = client.post(
        PREDICT, json=BODY, headers=bearer(a_token(roles=None, scope="email models:predict"))
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["line", "there-is-none-of-this-name"])
def test_a_denial_does_not_tell_which_models_exist(tmp_path: Path, name: str) -> None:
    client = a_client(tmp_path, {"roles": ["user"], "actions": ["read"], "models": ["other"]})

    answer = client.get(f"/api/v1/models/{name}", headers=bearer())

    assert answer.status_code == 403
    assert answer.json["detail"] == f"This needs a grant of 'read' on '{name}'."


def test_the_list_of_models_holds_only_what_may_be_read(tmp_path: Path) -> None:
    client = a_client(
        tmp_path,
        {"roles": ["user"], "actions": ["read"], "models": ["other"]},
        {"roles": ["reader"], "actions": ["read"]},
    )

    none = client.get("/api/v1/models", headers=bearer())
    one = client.get("/api/v1/models", headers=bearer(a_token(roles=["reader"])))

    assert none.json == {"models": []}
    assert [model["name"] for model in one.json["models"]] == ["line"]


def test_who_may_read_any_model_learns_that_one_does_not_exist(client: FlaskClient) -> None:
    assert client.get("/api/v1/models/nothing", headers=bearer()).status_code == 404
