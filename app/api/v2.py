"""The Open Inference Protocol (V2): all that an inference is stands in ``app/gate/v2/``."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from app.api.access import public, requires
from app.api.edge import VERSION, services, to_flask
from app.domain.access import Action
from app.errors import BodyMalformedError, ModelNotReadyError
from app.gate.call import call_of, read_body
from app.gate.v2.errors import JSON, PROBLEM_TYPE, speaks_v2, worded_body
from app.gate.v2.infer import infer as infer_in_gate
from app.gate.v2.json_body import read_object
from app.gate.v2.metadata import EXTENSIONS, model_metadata, repository_index

View = TypeVar("View", bound=Callable[..., Any])
_DESCRIBED: Final[dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
_MOST_INDEX_BYTES: Final = 65_536
blueprint = Blueprint("v2", __name__, url_prefix="/v2")


def described(view: View) -> View:
    """Let the OpenAPI document say of *view* what ``v2.yaml`` does."""
    vars(view)["specs_dict"] = _DESCRIBED[view.__name__]
    return view


def admitted_by_gate(view: View) -> View:
    """Leave admission to the gate, as for any other prediction."""
    vars(view)["access"] = Action.PREDICT
    return view


@blueprint.get("/health/live")
@public
@described
def live() -> ResponseReturnValue:
    """Say that the server answers."""
    return {"live": True}


@blueprint.get("/health/ready")
@public
@described
def ready() -> ResponseReturnValue:
    """Say whether to send requests here."""
    is_ready = not services().is_draining()
    try:
        services().models.current()
    except ModelNotReadyError:
        is_ready = False
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return {"live": True, "ready": is_ready}, status


@blueprint.get("", strict_slashes=False)
@public
@described
def server() -> ResponseReturnValue:
    """Describe the server."""
    return {"name": "gatehouse", "version": VERSION, "extensions": EXTENSIONS}


@blueprint.get("/models/<name>")
@requires(Action.READ)
@described
def model(name: str) -> ResponseReturnValue:
    """Describe the tensors of one model."""
    return model_metadata(services().models, name)


@blueprint.get("/models/<name>/versions/<version>")
@requires(Action.READ)
@described
def model_version(name: str, version: str) -> ResponseReturnValue:
    """Describe the tensors of one version of one model."""
    return model_metadata(services().models, name, version)


@blueprint.get("/models/<name>/ready")
@requires(Action.READ)
@described
def model_ready(name: str) -> ResponseReturnValue:
    """Say whether one model answers."""
    services().models.find(name)
    return {"name": name, "ready": True}


@blueprint.get("/models/<name>/versions/<version>/ready")
@requires(Action.READ)
@described
def model_version_ready(name: str, version: str) -> ResponseReturnValue:
    """Say whether one version of one model answers."""
    services().models.find(name, version)
    return {"name": name, "ready": True}


@blueprint.post("/repository/index")
@requires(Action.READ)
@described
def index() -> ResponseReturnValue:
    """List the models that the caller may read."""
    sent = read_body(request.environ, _MOST_INDEX_BYTES)
    only_ready = read_object(sent).get("ready") if sent else False
    if not isinstance(only_ready, bool | None):
        raise BodyMalformedError("'ready' must be true or false.")
    models, rules = services().models, services().rules.current()
    names = [name for name in models.names() if rules.may(g.principal, Action.READ, name)]
    return [*repository_index(models, names, only_ready=bool(only_ready))]


@blueprint.post("/models/<name>/infer")
@admitted_by_gate
@described
def infer(name: str) -> Response:
    """Score rows with one model."""
    return to_flask(infer_in_gate(call_of(request.environ, name), services()))


@blueprint.post("/models/<name>/versions/<version>/infer")
@admitted_by_gate
@described
def infer_version(name: str, version: str) -> Response:
    """Score rows with one version of one model, or not at all."""
    return to_flask(infer_in_gate(call_of(request.environ, name, version), services()))


@blueprint.after_app_request
def word_problems(response: Response) -> Response:
    """Say what went wrong as the protocol does, on all of its routes and beside them."""
    if response.mimetype == PROBLEM_TYPE and speaks_v2(request.path):
        response.headers["Content-Type"] = JSON
        response.data = worded_body(response.data)
    return response
