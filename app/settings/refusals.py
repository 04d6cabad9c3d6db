"""Settings that fit the schema and are refused all the same: contradictions and weak doors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.settings.schema import Settings

_KEY_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}  # RFC 7518, section 3.2
_KNOWN: Final = (
    "secret", "changeme", "change-me", "change_me", "password", "example", "default", "256-bit",
)  # fmt: skip
_DISTINCT_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a setting is refused, and what to do."""

    path: tuple[str, ...]
    reason: str
    fix: str


def refusals(settings: Settings) -> Iterator[Refusal]:
    """Yield everything that must be mended before the gateway may start."""
    yield from _contradictions(settings)
    if settings.environment != "dev":
        yield from _weak_secret(settings)
    if settings.environment == "prod":
        yield from _open_doors(settings)


def _contradictions(settings: Settings) -> Iterator[Refusal]:
    bounds = settings.model.input_validation
    if bounds.min_value >= bounds.max_value:
        yield Refusal(
            ("model", "input_validation", "min_value"),
            f"is not below max_value ({bounds.max_value:g})",
            "a number below max_value.",
        )
    if (settings.ssl_cert is None) != (settings.ssl_key is None):
        lone = "ssl_cert" if settings.ssl_key is None else "ssl_key"
        yield Refusal((lone,), "stands alone", "set both ssl_cert and ssl_key, or neither.")
    for key in ("ssl_cert", "ssl_key"):
        file = getattr(settings, key)
        if file is not None and not _is_file(settings.path(file)):
            yield Refusal((key,), "there is no such file", "the path of a PEM file.")
    if settings.enable_auth and not settings.allowed_roles:
        yield Refusal(("allowed_roles",), "lets nobody in", "name at least one role.")
    webhook = settings.alerts.slack_webhook
    if webhook and not webhook.get_secret_value().startswith(("https://", "http://127.0.0.1")):
        yield Refusal(("alerts", "slack_webhook"), "is not https", "an https:// address.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that is closed
        return False


def _weak_secret(settings: Settings) -> Iterator[Refusal]:
    path = ("security", "jwt_secret")
    fix = "put the output of 'openssl rand -hex 32' into JWT_SECRET."
    if settings.security.jwt_secret is None:
        yield Refusal(path, "is missing", fix)
        return
    secret = settings.security.jwt_secret.get_secret_value()
    least = _KEY_BYTES[settings.security.jwt_algorithm]
    if len(secret.encode()) < least:
        reason = f"is shorter than the {least} bytes of {settings.security.jwt_algorithm}"
        yield Refusal(path, reason, fix.replace("32", str(least)))
    elif len(set(secret)) < _DISTINCT_BYTES or any(word in secret.lower() for word in _KNOWN):
        yield Refusal(path, "is known or easy to guess", fix)


def _open_doors(settings: Settings) -> Iterator[Refusal]:
    if not settings.enable_auth:
        yield Refusal(("enable_auth",), "leaves the door open in prod", "true.")
    if settings.server.debug:
        yield Refusal(("server", "debug"), "shows the inside in prod", "false.")
