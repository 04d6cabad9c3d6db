"""Settings for gunicorn, from the same file as everything else: ``gunicorn app.wsgi:app``.

gthread keeps connections alive, but a client that sends slowly holds a thread. Put a buffering
proxy in front; docs/operations.md says which.
"""

from __future__ import annotations

import ssl
from typing import Any

import gunicorn.http.wsgi

from app.settings.overlay import load

_settings = load()
_server = _settings.server
gunicorn.http.wsgi.SERVER = ""  # there is no setting for the banner

bind = (
    f"{_server.host}:{_server.port}"
    if ":" not in _server.host
    else f"[{_server.host}]:{_server.port}"
)
workers = _server.workers
worker_class = "gthread"
threads = min(_server.threads, 64)
worker_connections = 4_096
timeout = 60
graceful_timeout = _server.stop_seconds
keepalive = 15
preload_app = False
limit_request_line = 8_190
limit_request_fields = 100
limit_request_field_size = min(_server.max_header_bytes, 65_536)
forwarder_headers = ""
control_socket_disable = True
accesslog = None
loglevel = "error"  # its warnings quote what clients send
logconfig_dict = {
    "root": {"handlers": []},
    "formatters": {"json": {"()": "app.log.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"gunicorn.error": {"handlers": ["stderr"], "propagate": False}},
}
if _settings.ssl_cert and _settings.ssl_key:
    certfile = str(_settings.path(_settings.ssl_cert))
    keyfile = str(_settings.path(_settings.ssl_key))


def ssl_context(_config: Any, default_factory: Any) -> ssl.SSLContext:
    """Return the default context, without anything older than TLS 1.2."""
    context: ssl.SSLContext = default_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
