"""What every request gets, whichever door answers it: WSGI around everything (PEP 3333)."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from time import perf_counter, time
from typing import Final

from app.errors import AuditDownError
from app.gate.address import client_address
from app.gate.call import ADDRESS, ENDPOINT, MODEL, PROBLEM, REQUEST_ID, SUBJECT
from app.gate.cors import cors_headers, is_preflight
from app.gate.door import Doors, Environ, Headers, Reply, StartResponse, WsgiApp, reply_of
from app.gate.events import event_of
from app.gate.problems import INTERNAL, problem, problem_of
from app.gate.services import Services
from app.gate.targets import Target, target_of

access_log = logging.getLogger("gatehouse.access")
log = logging.getLogger("gatehouse.gate")
UNMATCHED: Final = "unmatched"
READINESS: Final = frozenset({"/readyz", "/v2/health/ready"})  # fail whenever a server stops
_TOKEN: Final = re.compile(r"eyJ[\w.-]+")
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_STRICT: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Server", ""),
)
_PLAIN: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)
# A server may drop it (PEP 3333 leaves it to servers); Granian passes it on and closes.
_CLOSE: Final = ("Connection", "close")
_LONG_BYTES: Final = 8_192
_LONG_DIGITS: Final = 18
_HSTS: Final = ("Strict-Transport-Security", "max-age=31536000")


class Envelope:
    """Gives each request an id, an address, a time, security headers, a log line and metrics."""

    def __init__(
        self,
        app: WsgiApp,
        services: Services,
        target_of: Callable[[str], Target | None] = target_of,
    ) -> None:
        self._doors = Doors(app, services, target_of)
        self._services = services
        settings = services.settings
        self._trusted_proxies = settings.server.trusted_proxies
        self._origins = frozenset(settings.cors.allowed_origins)
        self._security = (*_STRICT, *((_HSTS,) if settings.ssl_cert else ()))
        self._logs_access = settings.log.access

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        started = perf_counter()
        metrics = self._services.metrics
        sent_id = environ.get("HTTP_X_REQUEST_ID")
        is_sane = sent_id is not None and _SANE_ID.fullmatch(sent_id)
        environ[REQUEST_ID] = sent_id if is_sane else secrets.token_hex(16)
        environ[ADDRESS] = client_address(
            environ.get("REMOTE_ADDR") or "unknown",
            environ.get("HTTP_X_FORWARDED_FOR"),
            self._trusted_proxies,
        )
        metrics.in_flight(1)
        try:
            reply = self._answered(environ)
            reply = self._remembered(environ, reply, perf_counter() - started)
        finally:
            metrics.in_flight(-1)
        status, _, body, _ = reply
        self._record(environ, int(status[:3]), perf_counter() - started)
        headers = self._completed(environ, reply)
        if status[0] in "45" and _is_long(environ.get("CONTENT_LENGTH") or ""):
            headers.append(_CLOSE)
        start_response(status, headers)
        return body

    def _answered(self, environ: Environ) -> Reply:
        try:
            if self._origins and is_preflight(environ):
                return Reply("204 No Content", [], [])
            return self._doors.reply(environ)
        except Exception:
            log.exception("request failed", extra={"request_id": environ[REQUEST_ID]})
            path, request_id = environ.get("PATH_INFO", ""), environ[REQUEST_ID]
            failed = problem(INTERNAL, detail=None, path=path, request_id=request_id)
            return reply_of(failed, environ)

    def _remembered(self, environ: Environ, reply: Reply, seconds: float) -> Reply:
        """Hand the request to the audit log, which may refuse what it cannot remember."""
        event = event_of(environ, int(reply.status[:3]), seconds, time())
        if event is None:
            return reply
        try:
            self._services.audit.record(event)
        except AuditDownError as error:
            if hasattr(reply.body, "close"):
                reply.body.close()
            path, request_id = environ.get("PATH_INFO", ""), environ[REQUEST_ID]
            return reply_of(problem_of(error, path=path, request_id=request_id), environ)
        return reply

    def _completed(self, environ: Environ, reply: Reply) -> Headers:
        """Return the headers with what every answer carries; what the answer says itself stays."""
        headers = [*reply.headers, ("X-Request-ID", environ[REQUEST_ID]), *self._security]
        if reply.is_plain:
            headers += _PLAIN
        else:
            own = {name.lower() for name, _ in reply.headers}
            headers += [header for header in _PLAIN if header[0].lower() not in own]
        if self._origins:
            headers.extend(cors_headers(environ, self._origins))
        return headers

    def _record(self, environ: Environ, status: int, seconds: float) -> None:
        method = environ["REQUEST_METHOD"]
        endpoint = environ.get(ENDPOINT, UNMATCHED)
        metrics = self._services.metrics
        metrics.request(method=method, endpoint=endpoint, status=status, seconds=seconds)
        kind = environ.get(PROBLEM)
        if kind is not None:
            metrics.error(kind)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and endpoint not in READINESS:
            context = {"endpoint": endpoint, "request_id": environ[REQUEST_ID]}
            self._services.alerts.raise_alert(f"{status} {kind or ''}".strip(), context)
        if self._logs_access:
            access_log.info(
                "request",
                extra={
                    "request_id": environ[REQUEST_ID],
                    "method": method,
                    "path": _TOKEN.sub("***", environ.get("PATH_INFO", ""))[:256],
                    "status": status,
                    "duration_ms": round(seconds * 1e3, 3),
                    "address": environ[ADDRESS],
                    "subject": environ.get(SUBJECT),
                    "model": environ.get(MODEL),
                    "problem": kind,
                },
            )


def _is_long(content_length: str) -> bool:
    """Say whether a body that nobody read is too long for the server to pass over.

    It then closes the connection, and a caller that is not told so loses its next request.
    """
    if not (content_length.isascii() and content_length.isdecimal()):
        return False
    return len(content_length) > _LONG_DIGITS or int(content_length) > _LONG_BYTES
