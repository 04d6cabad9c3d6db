"""One handler per family of errors, all in the one problem shape."""

from __future__ import annotations

import logging
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from app.api.edge import to_flask
from app.errors import RequestError
from app.gate.call import REQUEST_ID
from app.gate.problems import INTERNAL, kind_of_status, problem, problem_of

log = logging.getLogger("gatehouse.api")


def install(app: Flask) -> None:
    """Give every failure the one shape."""
    app.register_error_handler(RequestError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_stay_here)


def _stay_here(response: Response) -> Response:
    """Redirect to a path: the host of an absolute address would be whatever the caller sent."""
    location = response.headers.get("Location", "")
    if location.startswith(request.host_url):
        response.headers["Location"] = "/" + location.removeprefix(request.host_url)
    return response


def _refused(error: RequestError) -> Response:
    return to_flask(problem_of(error, path=request.path, request_id=request.environ[REQUEST_ID]))


def _http(error: HTTPException) -> Response:
    """Werkzeug's own refusals: no such route, no such method, a path it cannot read."""
    response = error.get_response(request.environ)
    status = HTTPStatus(response.status_code)
    kept = [(name, response.headers[name]) for name in ("Allow", "Location", "Retry-After")
            if name in response.headers]  # fmt: skip
    return to_flask(
        problem(
            kind_of_status(status),
            detail=None,
            path=request.path,
            request_id=request.environ[REQUEST_ID],
            headers=kept,
        )
    )


def _unexpected(error: Exception) -> Response:
    request_id = request.environ[REQUEST_ID]
    log.error("view failed", extra={"request_id": request_id}, exc_info=error)
    return to_flask(problem(INTERNAL, detail=None, path=request.path, request_id=request_id))
