"""``POST /api/v1/predict``: all that the call is stands in ``app/gate/answer.py``."""

from __future__ import annotations

from flask import Blueprint, request

from app.api.access import answered_by_gate
from app.gate.call import Call, call_of

blueprint = Blueprint("predict", __name__, url_prefix="/api/v1")


@blueprint.post("/predict")
@answered_by_gate
def predict() -> Call:
    """Score rows with the default model of this environment.
    ---
    tags: [prediction]
    security: [{bearer: []}]
    requestBody:
      required: true
      content:
        application/json:
          schema: {$ref: '#/components/schemas/PredictRequest'}
    responses:
      200:
        description: One prediction a row, in the order of the rows.
        content:
          application/json:
            schema: {$ref: '#/components/schemas/PredictAnswer'}
      400: {$ref: '#/components/responses/Problem'}
      401: {$ref: '#/components/responses/Problem'}
      403: {$ref: '#/components/responses/Problem'}
      406: {$ref: '#/components/responses/Problem'}
      413: {$ref: '#/components/responses/Problem'}
      415: {$ref: '#/components/responses/Problem'}
      429: {$ref: '#/components/responses/Problem'}
      503: {$ref: '#/components/responses/Problem'}
    """  # noqa: D205
    return call_of(request.environ)
