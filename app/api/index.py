"""``GET /``: what this is, and where everything else is."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app import __version__
from app.api.access import public

blueprint = Blueprint("index", __name__)


@blueprint.get("/")
@public
def index() -> ResponseReturnValue:
    """Name, version and links.
    ---
    tags: [service]
    responses:
      200: {description: What this is and where the rest is.}
    """  # noqa: D205, D212
    return {
        "name": "gatehouse",
        "version": __version__,
        "links": {
            "predict": "/api/v1/predict",
            "models": "/api/v1/models",
            "health": "/api/v1/health",
            "metrics": "/api/v1/metrics",
            "docs": "/apidocs/",
        },
    }
