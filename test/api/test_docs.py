from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import flasgger
import flask_swagger_ui
import pytest
from flask.testing import FlaskClient

from app import create_app
from app.settings.schema import Settings
from app.wiring import build_services
from test.builders import a_promoted_model, a_regression_table, a_token, bearer, some_settings
from test.openapi import document_of, resolved

BUNDLE = Path(flask_swagger_ui.__file__).parent / "dist"
OLD_BUNDLE = Path(flasgger.__file__).parent / "ui3" / "static"
SOURCES = {"'none'", "'self'", "data:"}


class Tags(HTMLParser):
    """The tags of a page, and the text inside its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.code = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in {"script", "style"}:
            self.code += data.strip()


@pytest.mark.parametrize(
    "path", ["/apidocs/", "/apidocs/start.js", "/apidocs/assets/swagger-ui-bundle.js"]
)
def test_the_page_may_load_nothing_but_its_own_files(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
    directives = [part.split() for part in policy.split(";")]

    assert answer.status_code == 200
    assert {name for name, *_ in directives} >= {"default-src", "script-src", "style-src"}
    assert {source for _, *sources in directives for source in sources} <= SOURCES


def test_the_page_needs_no_more_than_that(client: FlaskClient) -> None:
    tags = Tags(client.get("/apidocs/").text)
    links = [
        attributes[name]
        for _, attributes in tags.found
        for name in ("src", "href")
        if name in attributes
    ]

    assert tags.code == ""
    assert not [a for _, names in tags.found for a in names if a == "style" or a.startswith("on")]
    assert len(links) == 5
    for link in links:
        assert link is not None
        assert link.startswith("/apidocs/")
        with client.get(link) as answer:
            assert answer.status_code == 200


def test_without_its_slash_the_page_is_found_too(client: FlaskClient) -> None:
    for path in ("/apidocs", "/apidocs/index.html"):
        answer = client.get(path, follow_redirects=True)

        assert (answer.status_code, answer.request.path) == (200, "/apidocs/")


def test_the_bundle_is_a_current_one(client: FlaskClient) -> None:
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        with client.get(f"/apidocs/assets/{name}") as answer:
            served = answer.data

        assert served == (BUNDLE / name).read_bytes()
        assert served != (OLD_BUNDLE / name).read_bytes()
    version = re.findall(r"\d+", (BUNDLE / "VERSION").read_text())
    assert tuple(map(int, version)) >= (5, 32, 7)


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"{folder}/{file.relative_to(OLD_BUNDLE).as_posix()}"
            for folder in ("/flasgger_static", "/static", "/apidocs", "/apidocs/static")
            for file in OLD_BUNDLE.rglob("*.js")
        ),
        "/oauth2-redirect.html",
        "/apidocs/o2c.html",
        "/apidocs/assets/oauth2-redirect.html",
        "/apidocs/assets/lib/jquery.min.js",
        "/apidocs/assets/swagger-ui-standalone-preset.js",
        "/apidocs/assets/../../flasgger/ui3/static/swagger-ui-bundle.js",
        "/apidocs/assets/%2e%2e/__init__.py",
        "/apidocs/assets/",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_description_may_ask_for_a_token(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, docs={"require_token": True})
    a_promoted_model(settings)
    client = create_app(services=build_services(settings)).test_client()

    for path in ("/apidocs/", "/apispec.json"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=bearer(a_token(roles=["guest"]))).status_code == 403
        assert client.get(path, headers=bearer()).status_code == 200
    described = client.get("/apispec.json", headers=bearer()).json["paths"]["/apispec.json"]["get"]
    assert described["security"] == [{"bearer": []}]
    assert "401" in described["responses"]


def test_without_a_model_there_is_a_description_still(settings: Settings) -> None:
    client = create_app(services=build_services(settings)).test_client()

    assert client.get("/apidocs/").status_code == 200
    document = document_of(client)
    body = resolved(document, document["paths"]["/api/v1/predict"]["post"]["requestBody"])
    assert "examples" not in body["content"]["application/json"]


def test_a_new_version_is_described_at_once(client: FlaskClient, settings: Settings) -> None:
    def described() -> Any:
        responses = document_of(client)["components"]["responses"]
        examples = responses["Prediction.line"]["content"]["application/json"]["examples"]
        return examples["plain"]["value"]["model"]["version"]

    before = described()
    a_promoted_model(settings, a_regression_table(slope=3.0))
    client.application.extensions["gatehouse"].models.refresh()

    assert (before, described()) == ("1", "2")
