"""``GET /``: what this is, and where everything else is."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.access import public
from app.api.edge import VERSION

blueprint = Blueprint("index", __name__)


@blueprint.get("/")
@public
def index() -> ResponseReturnValue:
    """Return name, version and links.
    ---
    tags: [service]
    responses:
      200:
        description: What this is and where the rest is.
        content: {application/json: {schema: {$ref: '#/components/schemas/Index'}}}
    """  # noqa: D205
    return {
        "name": "gatehouse",
        "version": VERSION,
        "links": {
            "predict": "/api/v1/predict",
            "models": "/api/v1/models",
            "health": "/api/v1/health",
            "metrics": "/api/v1/metrics",
            "docs": "/apidocs/",
        },
    }
