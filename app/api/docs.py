"""``/apidocs/`` and ``/apispec.json``: flasgger's routes under a current Swagger UI."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import flask_swagger_ui
from flasgger import NO_SANITIZER, Swagger
from flask import Flask, Response, request, send_from_directory
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from app.api.access import public, requires
from app.api.described import readable_models
from app.api.edge import VERSION, services
from app.api.openapi import Door, document
from app.domain.access import Action

_HERE: Final = Path(__file__).parent
_SWAGGER_UI: Final = Path(flask_swagger_ui.__file__).parent / "dist"
_ASSETS: Final = {"swagger-ui-bundle.js", "swagger-ui.css", "index.css", "favicon-32x32.png"}
_MOST_DOCUMENTS: Final = 16  # callers with other grants are shown other models
_CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CONFIG: Final[dict[str, Any]] = {
    "title": "Gatehouse",
    "openapi": "3.0.3",
    "headers": [],
    "specs": [{"endpoint": "apispec", "route": "/apispec.json"}],
    "specs_route": "/apidocs/",
    "static_folder": str(_SWAGGER_UI),
    "static_url_path": "/apidocs/assets",
    "template_folder": str(_HERE / "templates"),
}


class ContractSwagger(Swagger):  # type: ignore[misc]  # flasgger has no types
    """Flasgger whose document knows who may call what, and the contracts of what is served."""

    @cached_property
    def _views(self) -> dict[str, Any]:
        """What the docstrings say, which takes longer to read than all the rest."""
        paths: dict[str, Any] = super().get_apispecs("apispec")["paths"]
        return paths

    @cached_property
    def _documents(self) -> dict[tuple[Any, ...], dict[str, Any]]:
        return {}

    def get_apispecs(self, endpoint: str = "apispec") -> dict[str, Any]:
        """Return the OpenAPI document as of now: made once for each set of versions."""
        del endpoint
        models = readable_models()
        contracts = models.contracts.items()
        digests = [(name, it.version, it.artefact.sha256) for name, it in contracts]
        key = (models.default, models.by_entity, *digests)
        found = self._documents.get(key)
        if found is None:
            found = document(
                self._views,
                _doors(self.app),
                version=VERSION,
                models=models,
                settings=services().settings,
            )
            if len(self._documents) >= _MOST_DOCUMENTS:
                self._documents.clear()
            self._documents[key] = found
        return found


def install(app: Flask) -> None:
    """Add the page, its assets and the document."""
    ContractSwagger(app, config=_CONFIG, sanitizer=NO_SANITIZER, merge=False)
    app.add_url_rule("/apidocs/start.js", "docs.start", public(_start))
    asks_for_token = app.extensions["gatehouse"].settings.docs.require_token
    guard = requires(Action.READ) if asks_for_token else public
    views = app.view_functions
    for name in ("flasgger.apidocs", "flasgger.apispec"):
        views[name] = guard(views[name])
    views["flasgger.oauth_redirect"] = public(_absent)  # no OAuth flow starts on the page
    views["flasgger.static"] = public(_asset)
    views["flasgger.<lambda>"] = public(views["flasgger.<lambda>"])  # /apidocs/index.html
    app.after_request(_content_policy)


def _doors(app: Flask) -> dict[tuple[str, str], Door]:
    """Return each route's door by path and method as OpenAPI writes them."""
    views = Counter(endpoint.rpartition(".")[2] for endpoint in app.view_functions)
    return {
        (re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), method.lower()): Door(
            name=_name(rule.endpoint, views),
            is_guarded=vars(app.view_functions[rule.endpoint])["access"] != "public",
        )
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _name(endpoint: str, views: Mapping[str, int]) -> str:
    """Return the name of the view, with its group where two have one name."""
    _, _, name = endpoint.rpartition(".")
    return name if views[name] == 1 else endpoint.replace(".", "_")


def _start() -> Response:
    return send_from_directory(_HERE / "assets", "start.js", max_age=3600)


def _asset(filename: str) -> Response:
    if filename not in _ASSETS:
        raise NotFound
    return send_from_directory(_SWAGGER_UI, filename, max_age=3600)


def _absent() -> ResponseReturnValue:
    raise NotFound


def _content_policy(response: Response) -> Response:
    """Let the page load its own scripts and styles, from this origin and nowhere else."""
    if request.path.startswith("/apidocs/"):
        response.headers["Content-Security-Policy"] = _CONTENT_POLICY
    return response
