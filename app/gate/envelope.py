"""What every request gets, whichever door answers it: WSGI around everything (PEP 3333)."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final

from app.gate.address import client_address
from app.gate.call import ADDRESS, ENDPOINT, MODEL, PROBLEM, REQUEST_ID, SUBJECT
from app.gate.cors import cors_headers, is_preflight
from app.gate.problems import INTERNAL, problem
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
        statuses: list[int] = []

        def begin(status: str, headers: Headers, exc_info: Any = None) -> Any:
            statuses.append(int(status[:3]))
            return start_response(status, self._completed(environ, headers), exc_info)

        metrics.in_flight(1)
        try:
            if self._origins and is_preflight(environ):
                begin("204 No Content", [])
                return []
            return self._app(environ, begin)
        except Exception:
            log.exception("request failed", extra={"request_id": request_id})
            return self._failed(environ, begin)
        finally:
            metrics.in_flight(-1)
            self._record(environ, statuses[-1] if statuses else 500, perf_counter() - started)

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

    def _failed(self, environ: Environ, begin: StartResponse) -> Iterable[bytes]:
        path, request_id = environ.get("PATH_INFO", ""), environ[REQUEST_ID]
        sent = problem(INTERNAL, detail=None, path=path, request_id=request_id)
        environ.update(sent.notes)
        begin("500 Internal Server Error", [*sent.headers, ("Content-Length", str(len(sent.body)))])
        return [sent.body]

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


def _request_id(sent: str | None) -> str:
    if sent is not None and _SANE_ID.fullmatch(sent):
        return sent
    return secrets.token_hex(16)
