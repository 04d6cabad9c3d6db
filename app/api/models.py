"""What is served, its contract, and how to call it."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from app.api.access import requires
from app.api.edge import services
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
    models, rules = services().models, services().rules.current()
    shown = [name for name in models.names() if rules.may(g.principal, Action.READ, name)]
    return {"models": [_summary(models, name) for name in shown]}


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
    served = services().models.find(name)
    contract = served.contract
    described: dict[str, Any] = contract.model_dump(mode="json", exclude={"golden"})
    return {"model": described | _engine(served), "how_to_call": _how_to_call(contract, name)}


def _summary(models: Models, name: str) -> dict[str, Any]:
    """Return what is known of a model; one that nobody has asked for yet is not loaded for it."""
    served, problem = models.loaded(name), models.problem(name)
    known = {"name": name, "default": name == models.default_name}
    if problem is not None:
        known["problem"] = problem
    if served is None:
        return known | {"status": "not loaded" if problem is None else "not ready"}
    contract = served.contract
    return {
        **known,
        "status": "ready",
        "version": contract.version,
        "task": contract.task,
        **_engine(served),
        "features": list(contract.feature_names),
    }


def _engine(served: ServedModel) -> dict[str, Any]:
    """Return which engine answers, and where it is not the fastest of the contract, why."""
    fallback = {"fallback": served.fallback} if served.fallback else {}
    return {"engine": served.engine_name, **fallback}


def _how_to_call(contract: Contract, name: str) -> dict[str, Any]:
    """Return an example body, and the same call in curl and in Python."""
    body = json.dumps({"data": [contract.example_row]})
    is_default = name == services().models.default_name
    path = "predict" if is_default else f"models/{name}/predict"
    url = f"{request.host_url}api/v1/{path}"
    curl = (
        f'curl {url} -H "Authorization: Bearer $TOKEN"'
        f" -H 'Content-Type: application/json' -d '{body}'"
    )
    python = (
        "import json, os, urllib.request\n"
        f"body = {body!r}.encode()\n"
        'headers = {"Authorization": "Bearer " + os.environ["TOKEN"],'
        ' "Content-Type": "application/json"}\n'
        f'call = urllib.request.Request("{url}", body, headers)\n'
        "print(json.load(urllib.request.urlopen(call)))"
    )
    return {"body": json.loads(body), "curl": curl, "python": python}
