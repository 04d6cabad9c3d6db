"""Cross-origin rules (WHATWG Fetch): off until ``cors.allowed_origins`` names an origin."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

_PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "Authorization, Content-Type, X-Request-ID, Inference-Header-Content-Length",
    ),
    ("Access-Control-Max-Age", "600"),
)
_EXPOSED: Final = (
    "Access-Control-Expose-Headers",
    (
        "X-Request-ID, X-Model, X-Model-Version, X-Cache, RateLimit, RateLimit-Policy, "
        "Retry-After, Inference-Header-Content-Length"
    ),
)


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Say whether a browser asks for leave before the real request."""
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        and "HTTP_ORIGIN" in environ
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )


def cors_headers(environ: Mapping[str, Any], origins: Collection[str]) -> list[tuple[str, str]]:
    """Return the headers that let the page of an allowed origin read the answer."""
    vary = ("Vary", "Origin")
    origin = environ.get("HTTP_ORIGIN")
    if origin not in origins:
        return [vary]
    granted = [vary, ("Access-Control-Allow-Origin", str(origin)), _EXPOSED]
    return [*granted, *_PREFLIGHT] if is_preflight(environ) else granted
