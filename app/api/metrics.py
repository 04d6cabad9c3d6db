"""``GET /api/v1/metrics``: Prometheus text, summed over all workers."""

from __future__ import annotations

from hmac import compare_digest
from time import perf_counter

from flask import Blueprint, Response, request

from app.api.access import public
from app.api.edge import services
from app.errors import AuthenticationRequiredError, TokenInvalidError
from app.gate.admission import bearer_token, refuse
from app.gate.call import call_of

blueprint = Blueprint("metrics", __name__, url_prefix="/api/v1")


@blueprint.get("/metrics")
@public
def metrics() -> Response:
    """Expose the metrics in the text format of Prometheus.

    Anyone may read them, unless `metrics.scrape_token` of the settings asks for that token.
    ---
    tags: [service]
    security: [{}, {bearer: []}]
    responses:
      200:
        description: The metrics of all workers together.
        content: {text/plain: {schema: {type: string}}}
      401: {$ref: '#/components/responses/401'}
      429: {$ref: '#/components/responses/429'}
      503: {$ref: '#/components/responses/503'}
    """
    wanted = services().settings.metrics.scrape_token
    if wanted is not None:
        _check(wanted.get_secret_value())
    content_type, text = services().metrics.exposition()
    return Response(text, content_type=content_type)


def _check(wanted: str) -> None:
    """Pass when the scrape token was sent; a guess costs what any failed authentication does."""
    call = call_of(request.environ)
    started = perf_counter()
    try:
        _compare(bearer_token(call.authorization), wanted)
    except (AuthenticationRequiredError, TokenInvalidError) as error:
        refuse(error, call.address, services(), started)
        raise


def _compare(sent: str, wanted: str) -> None:
    if not compare_digest(sent.encode(), wanted.encode()):
        raise TokenInvalidError("scrape_token")
