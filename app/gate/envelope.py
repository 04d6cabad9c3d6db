"""What every request gets, whichever door answers it: WSGI around everything (PEP 3333)."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from time import perf_counter, time
from typing import Any, Final

from app.errors import AuditDownError
from app.gate.address import client_address
from app.gate.call import ADDRESS, ENDPOINT, MODEL, PROBLEM, REQUEST_ID, SUBJECT, Answer
from app.gate.cors import cors_headers, is_preflight
from app.gate.events import event_of
from app.gate.problems import INTERNAL, problem, problem_of
from app.gate.services import Services

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

access_log = logging.getLogger("gatehouse.access")
log = logging.getLogger("gatehouse.gate")
UNMATCHED: Final = "unmatched"
READINESS: Final = "/readyz"  # fails whenever a server stops, which is no news
_TOKEN: Final = re.compile(r"eyJ[\w.-]+")
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_STRICT: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Server", ""),
)
_NO_STORE: Final = ("Cache-Control", "no-store")
_NO_CONTENT_POLICY: Final = (
    "Content-Security-Policy",
    "default-src 'none'; frame-ancestors 'none'",
)
# A server may drop it (PEP 3333 leaves it to servers); Granian passes it on and closes.
_CLOSE: Final = ("Connection", "close")
_LONG_BYTES: Final = 8_192
_LONG_DIGITS: Final = 18
_HSTS: Final = ("Strict-Transport-Security", "max-age=31536000")


class Envelope:
    """Gives each request an id, an address, a time, security headers, a log line and metrics."""

    def __init__(self, app: WsgiApp, services: Services) -> None:
        self._app = app
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
        request_id = _request_id(environ.get("HTTP_X_REQUEST_ID"))
        environ[REQUEST_ID] = request_id
        environ[ADDRESS] = client_address(
            environ.get("REMOTE_ADDR") or "unknown",
            environ.get("HTTP_X_FORWARDED_FOR"),
            self._trusted_proxies,
        )
        begun: list[tuple[str, Headers]] = []

        def begin(status: str, headers: Headers, _exc_info: Any = None) -> Callable[[bytes], None]:
            begun.append((status, headers))
            return _no_write

        metrics.in_flight(1)
        try:
            body = self._answered(environ, begin)
            body = self._remembered(environ, begin, body, begun, perf_counter() - started)
        finally:
            metrics.in_flight(-1)
        status, headers = begun[-1]
        self._record(environ, int(status[:3]), perf_counter() - started)
        headers = self._completed(environ, headers)
        if status[0] in "45" and _is_long(environ.get("CONTENT_LENGTH") or ""):
            headers.append(_CLOSE)
        start_response(status, headers)
        return body

    def _answered(self, environ: Environ, begin: StartResponse) -> Iterable[bytes]:
        try:
            if self._origins and is_preflight(environ):
                begin("204 No Content", [])
                return []
            return self._app(environ, begin)
        except Exception:
            log.exception("request failed", extra={"request_id": environ[REQUEST_ID]})
            path, request_id = environ.get("PATH_INFO", ""), environ[REQUEST_ID]
            failed = problem(INTERNAL, detail=None, path=path, request_id=request_id)
            return _sent(failed, environ, begin)

    def _remembered(
        self,
        environ: Environ,
        begin: StartResponse,
        body: Iterable[bytes],
        begun: Sequence[tuple[str, Headers]],
        seconds: float,
    ) -> Iterable[bytes]:
        """Hand the request to the audit log, which may refuse what it cannot remember."""
        event = event_of(environ, int(begun[-1][0][:3]), seconds, time())
        if event is None:
            return body
        try:
            self._services.audit.record(event)
        except AuditDownError as error:
            if hasattr(body, "close"):
                body.close()
            path, request_id = environ.get("PATH_INFO", ""), environ[REQUEST_ID]
            return _sent(problem_of(error, path=path, request_id=request_id), environ, begin)
        return body

    def _completed(self, environ: Environ, headers: Headers) -> Headers:
        """Add what every answer carries; what the answer says itself stays."""
        own = {name.lower() for name, _ in headers}
        headers = [*headers, ("X-Request-ID", environ[REQUEST_ID]), *self._security]
        if "cache-control" not in own:
            headers.append(_NO_STORE)
        if "content-security-policy" not in own:
            headers.append(_NO_CONTENT_POLICY)
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
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and endpoint != READINESS:
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


def _sent(answer: Answer, environ: Environ, begin: StartResponse) -> Iterable[bytes]:
    environ.update(answer.notes)
    length = ("Content-Length", str(len(answer.body)))
    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    begin(status, [*answer.headers, length])
    return [answer.body]


def _is_long(content_length: str) -> bool:
    """Say whether a body that nobody read is too long for the server to pass over.

    It then closes the connection, and a caller that is not told so loses its next request.
    """
    if not (content_length.isascii() and content_length.isdecimal()):
        return False
    return len(content_length) > _LONG_DIGITS or int(content_length) > _LONG_BYTES


def _no_write(_: bytes) -> None:
    """Refuse the write callable of PEP 3333: an answer is looked at as a whole before it goes out.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError


def _request_id(sent: str | None) -> str:
    if sent is not None and _SANE_ID.fullmatch(sent):
        return sent
    return secrets.token_hex(16)
