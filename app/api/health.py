"""Is the process alive, should it get traffic, and how is its model?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.access import public
from app.api.edge import services
from app.api.readiness import readiness
from app.errors import ModelNotReadyError

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
@public
def livez() -> ResponseReturnValue:
    """Say that the process answers; looks at nothing outside it.
    ---
    tags: [service]
    responses:
      200:
        description: The process answers.
        content: {application/json: {schema: {$ref: '#/components/schemas/Status'}}}
    """  # noqa: D205
    return {"status": "alive"}


@blueprint.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """Say whether to send traffic here: not while draining, and not without a model.
    ---
    tags: [service]
    responses:
      200:
        description: Send traffic.
        content: {application/json: {schema: {$ref: '#/components/schemas/Status'}}}
      503:
        description: Send none. The server is draining or has no model.
        content: {application/json: {schema: {$ref: '#/components/schemas/Status'}}}
    """  # noqa: D205
    if services().is_draining():
        return {"status": "draining"}, HTTPStatus.SERVICE_UNAVAILABLE
    try:
        services().models.current()
    except ModelNotReadyError:
        return {"status": "no model"}, HTTPStatus.SERVICE_UNAVAILABLE
    return {"status": "ready"}


@blueprint.get("/api/v1/health")
@public
def health() -> ResponseReturnValue:
    """Say how the models are, and what is wrong with a promoted one that was refused.
    ---
    tags: [service]
    responses:
      200:
        description: The default model answers.
        content: {application/json: {schema: {$ref: '#/components/schemas/Health'}}}
      503:
        description: The default model cannot answer.
        content: {application/json: {schema: {$ref: '#/components/schemas/Health'}}}
    """  # noqa: D205
    models = services().models
    found = models.problem()
    problem = {"problem": found} if found else {}
    try:
        model = models.current()
    except ModelNotReadyError:
        down = {"status": "not ready", **problem}
        return _health("unhealthy", down), HTTPStatus.SERVICE_UNAVAILABLE
    ready = {
        "status": "ready",
        "name": model.contract.name,
        "version": model.contract.version,
        "engine": model.engine_name,
        **({"fallback": model.fallback} if model.fallback else {}),
        "last_loaded": model.loaded_at,
        **problem,
    }
    return _health("healthy", ready)


def _health(status: str, default: dict[str, Any]) -> dict[str, Any]:
    """Return what holds of the *default* model, and of each that is promoted."""
    models = services().models
    return {
        "status": status,
        "timestamp": services().now(),
        "model": default,
        "models": [readiness(models, name) for name in models.names()],
    }
