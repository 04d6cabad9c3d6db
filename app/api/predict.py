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

    A row is an array in the order of the features, or an object by their names. Write null for a
    missing value. Many rows go faster as an Arrow stream.
    ---
    tags: [prediction]
    requestBody: {$ref: '#/components/requestBodies/Predict'}
    responses:
      200: {$ref: '#/components/responses/Prediction'}
      400: {$ref: '#/components/responses/400'}
      406: {$ref: '#/components/responses/406'}
      413: {$ref: '#/components/responses/413'}
      415: {$ref: '#/components/responses/415'}
    """
    return call_of(request.environ)


@blueprint.post("/models/<name>/predict")
@answered_by_gate
def predict_with(name: str) -> Call:
    """Score rows with one model.

    Like the default model's route, under the same rules.
    ---
    tags: [prediction]
    parameters:
      - {$ref: '#/components/parameters/ModelName'}
    requestBody: {$ref: '#/components/requestBodies/Predict'}
    responses:
      200: {$ref: '#/components/responses/Prediction'}
      400: {$ref: '#/components/responses/400'}
      404: {$ref: '#/components/responses/404'}
      406: {$ref: '#/components/responses/406'}
      413: {$ref: '#/components/responses/413'}
      415: {$ref: '#/components/responses/415'}
    """
    return call_of(request.environ, name)


@blueprint.post("/models/<name>/versions/<version>/predict")
@answered_by_gate
def predict_with_version(name: str, version: str) -> Call:
    """Score rows with one version of one model, or not at all.

    404 when another version is in service.
    ---
    tags: [prediction]
    parameters:
      - {$ref: '#/components/parameters/ModelName'}
      - {$ref: '#/components/parameters/ModelVersion'}
    requestBody: {$ref: '#/components/requestBodies/Predict'}
    responses:
      200: {$ref: '#/components/responses/Prediction'}
      400: {$ref: '#/components/responses/400'}
      404: {$ref: '#/components/responses/404'}
      406: {$ref: '#/components/responses/406'}
      413: {$ref: '#/components/responses/413'}
      415: {$ref: '#/components/responses/415'}
    """
    return call_of(request.environ, name, version)
