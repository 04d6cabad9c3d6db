"""Translation between Flask and the gate."""

from __future__ import annotations

import importlib.metadata
from typing import Any, Final

import orjson
from flask import Response, current_app, request
from flask.json.provider import JSONProvider

from app.gate.call import Answer
from app.gate.services import Services

VERSION: Final = importlib.metadata.version("gatehouse")


class OrjsonProvider(JSONProvider):
    """Writes JSON as the gate does: times in RFC 3339, in UTC."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Return *obj* as JSON."""
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Return what *s* holds."""
        return orjson.loads(s)


def services() -> Services:
    """Return the services of the running app."""
    found: Services = current_app.extensions["gatehouse"]
    return found


def to_flask(answer: Answer) -> Response:
    """Return *answer* as a Flask response, its notes put where the envelope looks."""
    request.environ.update(answer.notes)
    return Response(answer.body, answer.status, list(answer.headers))
