"""What is served, its contract, and how to call it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api.access import requires
from app.api.described import readable_names, takes_entities
from app.api.edge import services
from app.api.pasted import how_to_call
from app.api.readiness import readiness
from app.api.schemas import request_schema
from app.domain.access import Action
from app.domain.contract import Contract
from app.domain.prediction import ServedModel
from app.gate.services import Models

blueprint = Blueprint("models", __name__, url_prefix="/api/v1")


@blueprint.get("/models")
@requires(Action.READ)
def models() -> ResponseReturnValue:
    """List the models that are served here and that the caller may read.
    ---
    tags: [models]
    responses:
      200:
        description: The models that are served.
        content: {application/json: {schema: {$ref: '#/components/schemas/Models'}}}
    """  # noqa: D205
    return {"models": [_summary(services().models, name) for name in readable_names()]}


@blueprint.get("/models/<name>")
@requires(Action.READ)
def model(name: str) -> ResponseReturnValue:
    """Describe one model: its contract, and calls that work when pasted.
    ---
    tags: [models]
    parameters:
      - {$ref: '#/components/parameters/ModelName'}
    responses:
      200:
        description: The contract and how to call the model.
        content: {application/json: {schema: {$ref: '#/components/schemas/ModelCard'}}}
      404: {$ref: '#/components/responses/404'}
    """  # noqa: D205
    models = services().models
    contract = models.contract(name)
    described: dict[str, Any] = contract.model_dump(mode="json", exclude={"golden"})
    return {
        "model": described | readiness(models, name) | _engine(models.loaded(name)),
        "how_to_call": _how_to_call(contract),
    }


def _summary(models: Models, name: str) -> dict[str, Any]:
    """Return what is known of a model."""
    known = readiness(models, name) | {"default": name == models.default_name}
    split = models.split(name)
    if split is not None:
        known["candidate"] = split.document()
    served = models.loaded(name)
    if served is None:
        return known
    contract = served.contract
    features = list(contract.feature_names)
    return known | {"task": contract.task, **_engine(served), "features": features}


def _engine(served: ServedModel | None) -> dict[str, Any]:
    """Return which engine answers, and where it is not the fastest of the contract, why."""
    if served is None:
        return {}
    fallback = {"fallback": served.fallback} if served.fallback else {}
    return {"engine": served.engine_name, **fallback}


def _how_to_call(contract: Contract) -> dict[str, Any]:
    """Return calls that work when pasted, the schema of the body, and how long it may be."""
    settings = services().settings
    calls = how_to_call(
        contract,
        request.host_url.rstrip("/"),
        is_default=contract.name == services().models.default_name,
        asks_for_token=settings.enable_auth,
    )
    most_bytes = settings.server.max_request_bytes
    return {
        **calls,
        "schema": request_schema(contract, settings.model, by_entity=takes_entities(contract)),
        "limits": {"max_rows": settings.model.max_rows, "max_request_bytes": most_bytes},
    }
