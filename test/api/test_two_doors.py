"""Predictions have a short door in front of Flask: both doors must give one answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, EnvironBuilder

from app import create_app
from app.gate.envelope import Envelope
from app.gate.targets import no_target, target_of
from app.wiring import build_services
from test.api.hostile import BOUND, GOOD, JSON, MAX_BYTES, MAX_ROWS
from test.api.hostile_bodies import corpus as hostile_bodies
from test.api.hostile_tokens import KINDS as TOKEN_KINDS
from test.api.hostile_tokens import corpus as hostile_tokens
from test.api.test_hostile_bodies import GOOD_BODIES
from test.api.test_hostile_bodies import KINDS as BODY_KINDS
from test.builders import a_promoted_model, a_token, bearer, some_settings

URL = "/api/v1/predict"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
Said = tuple[str, list[tuple[str, str]], bytes]
Both = Callable[..., tuple[Said, Said]]
# What no two requests have in common: times, and how much of a limit is left.
_TIMES = re.compile(r"(?<=dur=)[\d.]+|(?<=;[rt]=)\d+")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """What sends one request through the short door, and then through Flask alone."""
    settings = some_settings(
        tmp_path_factory.mktemp("doors"),
        model={
            "max_rows": MAX_ROWS,
            "input_validation": {"min_value": -BOUND, "max_value": BOUND},
        },
        server={"max_request_bytes": MAX_BYTES},
        security={"failed_auth_limit": "1000000 per second"},
        rate_limit="1000000 per second",
        cache={"max_entries": 0},
    )
    a_promoted_model(settings)
    services = replace(build_services(settings), now=lambda: NOON)
    app = create_app(services=services)
    flask_alone = Envelope(Flask.wsgi_app.__get__(app), services, no_target)

    def ask(**request: Any) -> tuple[Said, Said]:
        return said(app.wsgi_app, request), said(flask_alone, request)

    return ask


def said(app: Any, request: dict[str, Any]) -> Said:
    """Status, headers in their order, and body, without what no two answers have in common."""
    given = {"path": URL, "method": "POST", "data": GOOD, "content_type": JSON} | request
    token = given.pop("token", None)
    environ = EnvironBuilder(**given).get_environ() | {"HTTP_X_REQUEST_ID": "same"}
    if token is not None:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    body, status, headers = Client(app).run_wsgi_app(environ)
    return status, [(name, _TIMES.sub("0", value)) for name, value in headers], b"".join(body)


@pytest.mark.parametrize("body", GOOD_BODIES.values(), ids=GOOD_BODIES)
def test_a_good_body_gets_one_answer(both: Both, body: bytes) -> None:
    short, long = both(data=body, headers=bearer())

    assert short[0] == "200 OK"
    assert short == long


@pytest.mark.parametrize("kind", sorted(BODY_KINDS))
def test_a_hostile_body_gets_one_answer(both: Both, kind: str) -> None:
    for hostile in (found for found in hostile_bodies() if found.kind == kind):
        headers = bearer()
        if hostile.content_encoding is not None:
            headers["Content-Encoding"] = hostile.content_encoding
        short, long = both(data=hostile.body, content_type=hostile.content_type, headers=headers)

        assert short[0].startswith(str(hostile.status)), hostile
        assert short == long, hostile


@pytest.mark.parametrize("kind", TOKEN_KINDS)
def test_a_hostile_token_gets_one_answer(both: Both, kind: str) -> None:
    for token in hostile_tokens(kind):
        short, long = both(token=token)

        assert short[0].startswith("401"), token
        assert short == long, token


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"headers": {"Authorization": "Basic eDp5"}},
        {"headers": bearer(a_token(roles=["guest"]))},
        {"headers": bearer(), "method": "GET"},
        {"headers": bearer(), "method": "HEAD"},
        {"headers": bearer(), "method": "OPTIONS"},
        {"headers": bearer(), "method": "PUT"},
        {"headers": bearer() | {"Accept": "text/html"}},
        {"headers": bearer() | {"Origin": "https://elsewhere.example"}},
        {"headers": bearer(), "query_string": "a=b"},
        {"headers": bearer(), "path": URL + "/"},
        {"headers": bearer(), "data": b""},
    ],
    ids=[
        "no token", "another scheme", "no grant", "GET", "HEAD", "OPTIONS", "PUT",
        "takes no JSON", "another origin", "a query", "a slash behind", "no body",
    ],
)  # fmt: skip
def test_any_other_request_gets_one_answer(both: Both, request_: dict[str, Any]) -> None:
    short, long = both(**request_)

    assert short == long


@pytest.mark.parametrize(
    "path", [URL, "/api/v1/models/a/predict", "/api/v1/models/a/versions/1/predict"]
)
def test_every_hot_path_is_a_route_of_flask_too(app: Flask, path: str) -> None:
    with app.test_request_context(path, method="POST") as context:
        rule = context.request.url_rule

    found = target_of(path)

    assert found is not None
    assert rule is not None
    assert rule.rule == found.endpoint
