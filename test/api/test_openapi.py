"""The document says what the gateway does: no more, no less."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.domain.contract import Contract
from app.wiring import build_services
from test.builders import a_promoted_model, a_token, bearer, some_settings
from test.openapi import conforms, document_of, operations, parts, resolved

PREDICT = "/api/v1/predict"
_LIKE = dict.fromkeys(("arrays", "objects", "columns"), "plain")
GUARDED = {
    PREDICT,
    "/api/v1/models/{name}/predict",
    "/api/v1/models/line/predict",
    "/api/v1/models/{name}/versions/{version}/predict",
    "/api/v1/models",
    "/api/v1/models/{name}",
    "/api/v1/admin/reload",
    "/api/v1/admin/revocations",
    *(f"/api/v1/admin/models/{{name}}/{change}" for change in (
        "promote", "rollback", "canary", "shadow", "candidate",
    )),
    *(f"/v2/models/{{name}}{rest}" for rest in (
        "", "/ready", "/infer",
        "/versions/{version}", "/versions/{version}/ready", "/versions/{version}/infer",
    )),
    "/v2/repository/index",
}  # fmt: skip
OF_THE_PAGE = {
    "/apidocs/assets/<path:filename>",
    "/apidocs/index.html",
    "/apidocs/start.js",
    "/oauth2-redirect.html",
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    return document_of(client)


def _check(document: dict[str, Any], path: str, method: str, answer: TestResponse) -> None:
    """Compare an answer with what is promised: status, media type, headers and body."""
    response = document["paths"][path][method]["responses"][str(answer.status_code)]
    response = resolved(document, response)
    media_type, _, _ = answer.content_type.partition(";")

    assert response["headers"].keys() <= {*answer.headers.keys()}
    assert media_type in response["content"]
    value = answer.json if media_type.endswith("json") else answer.text
    assert conforms(document, response["content"][media_type]["schema"], value)


def _body(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return what may be sent to *path*, by media type."""
    body = resolved(document, document["paths"][path]["post"]["requestBody"])
    content: dict[str, Any] = body["content"]
    return content


def _promised(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the examples of an answer of *path*."""
    response = resolved(document, document["paths"][path]["post"]["responses"]["200"])
    examples: dict[str, Any] = response["content"]["application/json"]["examples"]
    return examples


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.0.3"
    assert document["info"].keys() >= {"title", "version"}
    for part in parts(document):
        assert "$ref" not in part or resolved(document, part)
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in document["tags"]}
    for path, _, operation in operations(document):
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        named = {resolved(document, p)["name"] for p in operation.get("parameters", ())}
        assert named == set(re.findall(r"{(\w+)}", path))
        for response in operation["responses"].values():
            assert resolved(document, response)["description"]


def test_every_route_is_described(client: FlaskClient, document: dict[str, Any]) -> None:
    routes = {
        (re.sub("<(.*?)>", r"{\1}", rule.rule), method.lower())
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in OF_THE_PAGE
    }

    concrete = {("/api/v1/models/line/predict", "post")}
    assert {(path, method) for path, method, _ in operations(document)} == routes | concrete


def test_guarded_operations_and_no_others_ask_for_the_token(document: dict[str, Any]) -> None:
    guarded = {
        path
        for path, _, operation in operations(document)
        if operation.get("security") == [{"bearer": []}]
    }

    assert guarded == GUARDED
    for path, _, operation in operations(document):
        assert ({"401", "403", "429", "503"} <= operation["responses"].keys()) == (path in guarded)
        assert "500" in operation["responses"]


def test_without_authentication_nothing_asks_for_a_token(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, enable_auth=False)
    a_promoted_model(settings)
    document = document_of(create_app(services=build_services(settings)).test_client())

    predict = document["paths"][PREDICT]["post"]
    assert "security" not in predict
    assert predict["responses"].keys() & {"401", "403", "429"} == {"429"}


def test_every_get_answers_as_described(client: FlaskClient, document: dict[str, Any]) -> None:
    for path, method, _ in operations(document):
        if method == "get":
            headers = bearer(a_token(roles=["admin", "user"]))
            named = path.replace("{name}", "line").replace("{version}", "1")
            answer = client.get(named, headers=headers)

            assert answer.status_code == 200
            _check(document, path, method, answer)


def test_a_gateway_without_a_model_answers_as_described(tmp_path: Path) -> None:
    client = create_app(services=build_services(some_settings(tmp_path))).test_client()
    document = document_of(client)

    for path, status in (("/readyz", 503), ("/api/v1/health", 503), ("/api/v1/models", 200)):
        answer = client.get(path, headers=bearer())

        assert answer.status_code == status
        _check(document, path, "get", answer)


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (400, {"json": {"data": [["x", 1]]}}),
        (400, {"data": b"{", "content_type": "application/json"}),
        (401, {"headers": {}}),
        (401, {"headers": bearer("no")}),
        (403, {"headers": bearer(a_token(roles=["guest"]))}),
        (406, {"headers": {**bearer(), "Accept": "text/html"}}),
        (413, {"json": {"data": [[1, 2]] * 10_001}}),
        (415, {"data": b"{}", "content_type": "text/plain"}),
    ],
)
def test_every_refusal_is_as_described(
    client: FlaskClient, document: dict[str, Any], status: int, change: dict[str, Any]
) -> None:
    body = {} if "data" in change else {"json": {"data": [[1, 2]]}}

    answer = client.post(PREDICT, **{"headers": bearer(), **body, **change})

    assert answer.status_code == status
    _check(document, PREDICT, "post", answer)


def test_too_many_requests_are_as_described(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, rate_limit="1 per hour")
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()
    document = document_of(client)

    answers = [client.get("/api/v1/models", headers=bearer()) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    _check(document, "/api/v1/models", "get", answers[1])


def test_an_unknown_model_is_as_described(client: FlaskClient, document: dict[str, Any]) -> None:
    answer = client.get("/api/v1/models/other", headers=bearer())

    _check(document, "/api/v1/models/{name}", "get", answer)


@pytest.mark.parametrize("kind", ["client", "classifier_client"])
def test_every_example_works(request: pytest.FixtureRequest, kind: str) -> None:
    client: FlaskClient = request.getfixturevalue(kind)
    document = document_of(client)
    bodies = _body(document, PREDICT)["application/json"]
    promised = _promised(document, PREDICT)

    for name, example in bodies["examples"].items():
        answer = client.post(PREDICT, json=example["value"], headers=bearer())

        assert answer.status_code == 200, name
        _check(document, PREDICT, "post", answer)
        assert conforms(document, bodies["schema"], example["value"])
        shown = promised.get(_LIKE.get(name, name), {"value": {}})["value"]
        for member in shown.keys() & {"predictions", "probabilities", "classes"}:
            assert np.array(answer.json[member]) == pytest.approx(np.array(shown[member]))


def test_the_first_example_is_the_contracts(client: FlaskClient, document: dict[str, Any]) -> None:
    contract: Contract = client.application.extensions["gatehouse"].models.current().contract
    first = next(iter(_body(document, PREDICT)["application/json"]["examples"].values()))

    assert first["value"] == {"data": [list(contract.example_row)]}


@pytest.mark.parametrize(("kind", "has_them"), [("client", False), ("classifier_client", True)])
def test_probabilities_are_offered_where_the_model_has_them(
    request: pytest.FixtureRequest, kind: str, *, has_them: bool
) -> None:
    document = document_of(request.getfixturevalue(kind))
    asked = resolved(document, _body(document, PREDICT)["application/json"]["schema"])
    response = resolved(document, document["paths"][PREDICT]["post"]["responses"]["200"])
    answered = resolved(document, response["content"]["application/json"]["schema"])

    assert ("probabilities" in asked["properties"]) == has_them
    assert ("probabilities" in answered["properties"]) == has_them
