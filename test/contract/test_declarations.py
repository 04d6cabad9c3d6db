"""Rules that no view and no error may forget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.api.access import UndeclaredAccessError, install
from app.errors import RequestError
from app.gate.problems import KIND_OF

PUBLIC = {
    "/",
    "/livez",
    "/readyz",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/api/v1/health",
    "/api/v1/metrics",
    "/apispec.json",
    "/apidocs/",
    "/apidocs/index.html",
    "/apidocs/start.js",
    "/apidocs/assets/<path:filename>",
    "/oauth2-redirect.html",
}


def test_an_app_with_a_silent_view_does_not_start() -> None:
    app = Flask("silent", static_folder=None)
    app.add_url_rule("/secret", "secret", lambda: "secret")

    with pytest.raises(UndeclaredAccessError, match="secret"):
        install(app)


def test_only_these_routes_are_public(app: Flask) -> None:
    views = app.view_functions
    rules = app.url_map.iter_rules()
    found = {rule.rule for rule in rules if vars(views[rule.endpoint])["access"] == "public"}

    assert found == PUBLIC


def _below(kind: type[RequestError]) -> Iterator[type[RequestError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def test_every_error_a_caller_may_see_has_one_status() -> None:
    assert set(_below(RequestError)) == set(KIND_OF)


def test_every_kind_of_problem_has_a_name_of_its_own() -> None:
    assert len({kind.slug for kind in KIND_OF.values()}) == len(KIND_OF)
