"""Each model has a path of its own in the document, with its own schema and examples."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.api import openapi
from app.wiring import build_services
from test.api.stages import DEFAULT, NAMES, promote, shapes
from test.builders import a_promoted_model, a_token, bearer, some_settings
from test.openapi import conforms, document_of, parts, resolved

names = pytest.mark.parametrize("name", NAMES)
Document = dict[str, Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    settings = some_settings(tmp_path_factory.mktemp("shapes"), rate_limit="1000 per minute")
    promote(settings, *NAMES)
    return create_app(services=build_services(settings)).test_client()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> Document:
    return document_of(client)


def _path(name: str) -> str:
    return f"/api/v1/models/{name}/predict"


def _content(document: Document, name: str) -> Document:
    body = resolved(document, document["paths"][_path(name)]["post"]["requestBody"])
    content: Document = body["content"]
    return content


def _answered(document: Document, name: str) -> Document:
    response = resolved(document, document["paths"][_path(name)]["post"]["responses"]["200"])
    content: Document = response["content"]
    return content


def _examples(content: Document) -> Iterator[tuple[str, str, Any]]:
    for media_type, media in content.items():
        for name, example in media.get("examples", {}).items():
            yield media_type, name, example["value"]


@names
def test_every_example_is_answered_as_it_is_described(
    client: FlaskClient, document: Document, name: str
) -> None:
    content = _content(document, name)
    found = list(_examples(content))
    for media_type, example, value in found:
        sent = value if isinstance(value, str) else json.dumps(value)
        answer = client.post(_path(name), data=sent, content_type=media_type, headers=bearer())

        assert answer.status_code == 200, (media_type, example, answer.text)
        assert conforms(document, content[media_type]["schema"], value), (media_type, example)
        promised = _answered(document, name)["application/json"]
        assert conforms(document, promised["schema"], answer.json), (media_type, example)
    assert {media_type for media_type, _, _ in found} == {
        "application/json", "text/csv", "application/x-ndjson",
    }  # fmt: skip


@names
def test_the_example_answers_are_the_models(
    client: FlaskClient, document: Document, name: str
) -> None:
    asked = _content(document, name)["application/json"]["examples"]
    promised = _answered(document, name)["application/json"]
    for example, shown in promised["examples"].items():
        body = next(iter(asked.values())) if example == "plain" else asked[example]
        sent = client.post(_path(name), json=body["value"], headers=bearer())
        answer: dict[str, Any] = sent.get_json()

        assert conforms(document, promised["schema"], shown["value"])
        assert answer.keys() == shown["value"].keys()
        for member in ("predictions", "probabilities", "classes", "targets", "model"):
            if member in answer:
                assert _rounded(answer[member]) == _rounded(shown["value"][member])


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(member) for member in value]
    return round(value, 6) if isinstance(value, float) else value


@pytest.mark.parametrize(
    "accept", ["text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"]
)
@names
def test_every_form_of_an_answer_is_described(
    client: FlaskClient, document: Document, name: str, accept: str
) -> None:
    body = {"data": [shapes()[name].rows[0]]}
    answer = client.post(_path(name), json=body, headers={**bearer(), "Accept": accept})

    assert answer.status_code == 200
    assert answer.content_type.partition(";")[0] == accept
    assert accept in _answered(document, name)


@names
def test_a_model_offers_what_it_has(document: Document, name: str) -> None:
    schema = resolved(document, _content(document, name)["application/json"]["schema"])
    outputs = shapes()[name].contract.outputs

    for wish in ("probabilities", "scores"):
        assert (wish in schema["properties"]) == vars(outputs)[f"has_{wish}"]
    assert "on_error" in schema["properties"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (DEFAULT, [["1", 2, 3]]),
        (DEFAULT, [[1]]),
        ("quoted", [{"$HOME": 1, 'the town\'s "name"': "Nowhere", "alone\\": True}]),
        ("quoted", [{"$HOME": None, 'the town\'s "name"': "O'Hare", "alone\\": True}]),
        ("quoted", [{"$HOME": 1, 'the town\'s "name"': 7, "alone\\": True}]),
        ("quoted", {"$HOME": [1], 'the town\'s "name"': [None], "alone\\": [True]}),
        ("quoted", [{"$HOME": 1, "alone\\": True}]),
        ("table", [{"age": 1, "town": "Bern", "ill": True, "class": "3"}]),
        ("texts", [["x" * 65_537]]),
        ("texts", [[7]]),
        ("texts", [[None]]),
        ("texts", [["a", "b"]]),
    ],
)
def test_what_a_schema_refuses_the_gate_refuses(
    client: FlaskClient, document: Document, name: str, data: Any
) -> None:
    schema = _content(document, name)["application/json"]["schema"]
    answer = client.post(_path(name), json={"data": data}, headers=bearer())

    assert not conforms(document, schema, {"data": data})
    assert answer.status_code == 400


def test_the_route_for_any_model_promises_nothing_of_one(document: Document) -> None:
    operation = document["paths"]["/api/v1/models/{name}/predict"]["post"]
    body = resolved(document, operation["requestBody"])["content"]["application/json"]

    assert "examples" not in body
    for shape in shapes().values():
        assert conforms(document, body["schema"], {"data": shape.rows})


def test_every_reference_leads_somewhere(document: Document) -> None:
    for part in parts(document):
        assert "$ref" not in part or resolved(document, part)


def test_twenty_models_are_described_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = some_settings(tmp_path)
    promote(settings, DEFAULT)
    first = settings.path(settings.model.model_path).parent
    text = (first / "manifest.json").read_text()
    for number in range(20):
        folder = first / f"model-{number}"
        folder.mkdir()
        renamed = text.replace(f'"name":"{DEFAULT}"', f'"name":"{folder.name}"', 1)
        (folder / "manifest.json").write_text(renamed)
    client = create_app(services=build_services(settings)).test_client()
    made = Mock(wraps=openapi.document)
    monkeypatch.setattr("app.api.docs.document", made)

    paths = document_of(client)["paths"]
    started = time.thread_time()
    for _ in range(10):
        document_of(client)

    assert len([path for path in paths if path.startswith("/api/v1/models/model-")]) == 20
    assert made.call_count == 1
    assert time.thread_time() - started < 5.0  # a tenth of that on a quiet machine


def test_a_new_version_of_any_model_is_described_at_once(client: FlaskClient) -> None:
    settings = client.application.extensions["gatehouse"].settings

    def described() -> str:
        text: str = document_of(client)["paths"][_path("line")]["post"]["description"]
        return text

    first = settings.path(settings.model.model_path).parent
    contracts = []
    for _ in range(2):
        contract = a_promoted_model(some_settings(settings.root, {}, model={"model_path": "x"}))
        contracts.append(contract)
        _copy(settings.root / "model" / "registry" / "line" / contract.version, first / "line")
        client.application.extensions["gatehouse"].models.refresh()
        assert described().startswith(f"Version {contract.version},")
    assert [contract.version for contract in contracts] == ["1", "2"]


def _copy(version: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in version.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())


def test_where_a_token_is_asked_for_only_what_it_may_read_is_described(tmp_path: Path) -> None:
    settings = some_settings(
        tmp_path,
        docs={"require_token": True},
        grants=[
            {"roles": ["user"], "actions": ["predict", "read"], "models": ["t*"]},
            {"roles": ["boss"], "actions": ["predict", "read"]},
        ],
    )
    promote(settings, DEFAULT, "texts")
    client = create_app(services=build_services(settings)).test_client()

    def described(role: str) -> list[str]:
        headers = bearer(a_token(roles=[role]))
        paths = client.get("/apispec.json", headers=headers).json["paths"]
        return [name for name in NAMES if _path(name) in paths]

    assert described("user") == ["texts"]
    assert described("boss") == [DEFAULT, "texts"]
    assert described("user") == ["texts"]
