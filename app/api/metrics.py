"""``GET /api/v1/metrics``: Prometheus text, summed over all workers."""

from __future__ import annotations

from hmac import compare_digest

from flask import Blueprint, Response, request

from app.api.access import public
from app.api.edge import services
from app.errors import AuthenticationRequiredError, TokenInvalidError

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
    """
    wanted = services().settings.metrics.scrape_token
    if wanted is not None:
        _check(request.headers.get("Authorization", ""), wanted.get_secret_value())
    content_type, text = services().metrics.exposition()
    return Response(text, content_type=content_type)


def _check(authorization: str, wanted: str) -> None:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationRequiredError("Send the scrape token as a bearer token.")
    if not compare_digest(token.strip().encode(), wanted.encode()):
        raise TokenInvalidError("scrape_token")
