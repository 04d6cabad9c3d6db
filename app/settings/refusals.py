"""Settings that fit the schema and are refused all the same: contradictions and weak doors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app.settings import key_files
from app.settings.keys import is_address
from app.settings.schema import Settings

_KEY_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}  # RFC 7518, section 3.2
_KNOWN: Final = (
    "secret", "changeme", "change-me", "change_me", "password", "example", "default", "256-bit",
)  # fmt: skip
_DISTINCT_BYTES: Final = 10
_PLACE: Final = r"([^/@?#\s]*@)?([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/\d{0,4})?"
_REDIS: Final = re.compile(
    rf"redis://{_PLACE}"
    rf"|rediss://{_PLACE}(\?(&?ssl_(ca_certs|certfile|keyfile)=[^&#\s]+)+)?"
    r"|unix:///[^?#\s]+(\?db=\d{1,4})?",
    re.ASCII,
)
_PRINTABLE: Final = re.compile(r"[!-~]+")
_OWN_HOSTS: Final = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a setting is refused, and what to do."""

    path: tuple[str, ...]
    reason: str
    fix: str


def refusals(settings: Settings) -> Iterator[Refusal]:
    """Yield everything that must be mended before the gateway may start."""
    yield from _contradictions(settings)
    yield from _unusable_keys(settings)
    yield from _unusable_storage(settings)
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
    if settings.enable_auth and not settings.allowed_roles and not settings.grants:
        yield Refusal(("allowed_roles",), "lets nobody in", "name at least one role.")
    webhook = settings.alerts.slack_webhook
    if webhook and not webhook.get_secret_value().startswith(("https://", "http://127.0.0.1")):
        yield Refusal(("alerts", "slack_webhook"), "is not https", "an https:// address.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that is closed
        return False


def _unusable_keys(settings: Settings) -> Iterator[Refusal]:
    security = settings.security
    secret = security.jwt_secret
    if secret is not None and "-----BEGIN " in secret.get_secret_value():
        fix = "32 random bytes; a public key goes into a file that security.keys_path names."
        yield Refusal(("security", "jwt_secret"), "is a key in PEM", fix)
    if security.keys_path is not None:
        fix = "a folder of <kid>.pem files with public keys; jwt_tools/make_keys.py makes one."
        for problem in key_files.look(settings.path(security.keys_path)).problems:
            yield Refusal(("security", "keys_path"), problem, fix)
    if security.jwks is None:
        return
    if is_address(security.jwks):
        yield from _wrong_address(security.jwks)
    else:
        yield from _unreadable_jwks(settings.path(Path(security.jwks)))


def _wrong_address(jwks: str) -> Iterator[Refusal]:
    path, fix = ("security", "jwks"), "an https:// address, or the path of a file."
    try:
        url = urlsplit(jwks)
        is_whole = bool(url.hostname) and url.port != 0
    except ValueError:
        yield Refusal(path, "is no address", fix)
        return
    if "@" in url.netloc:
        # Named without its value: what stands before the @ is a password.
        yield Refusal(("security",), "jwks holds a user name or a password", fix)
    elif not is_whole or not _PRINTABLE.fullmatch(jwks):
        yield Refusal(path, "is no address", fix)
    elif url.scheme != "https" and (url.scheme != "http" or url.hostname not in _OWN_HOSTS):
        yield Refusal(path, "is not https", fix)


def _unreadable_jwks(file: Path) -> Iterator[Refusal]:
    path, fix = ("security", "jwks"), "the file or the https:// address of a JWK Set."
    try:
        found = key_files.look_into_jwks(file)
    except (OSError, ValueError) as error:
        yield Refusal(path, f"{file}: {key_files.reason_of(error)}", fix)
        return
    if not found.keys:
        why = "; ".join(found.problems) or "it is empty"
        yield Refusal(path, f"{file}: holds no key that verifies tokens: {why}", fix)


def _weak_secret(settings: Settings) -> Iterator[Refusal]:
    path = ("security", "jwt_secret")
    fix = "put the output of 'openssl rand -hex 32' into JWT_SECRET."
    security = settings.security
    if security.jwt_secret is None:
        if security.keys_path is None and security.jwks is None:
            yield Refusal(path, "is missing", fix)
        return
    secret = security.jwt_secret.get_secret_value()
    least = _KEY_BYTES[security.jwt_algorithm]
    if len(secret.encode()) < least:
        reason = f"is shorter than the {least} bytes of {security.jwt_algorithm}"
        yield Refusal(path, reason, fix.replace("32", str(least)))
    elif len(set(secret)) < _DISTINCT_BYTES or any(word in secret.lower() for word in _KNOWN):
        yield Refusal(path, "is known or easy to guess", fix)


def _open_doors(settings: Settings) -> Iterator[Refusal]:
    if not settings.enable_auth:
        yield Refusal(("enable_auth",), "leaves the door open in prod", "true.")
    if settings.server.debug:
        yield Refusal(("server", "debug"), "shows the inside in prod", "false.")


def _unusable_storage(settings: Settings) -> Iterator[Refusal]:
    addresses = {
        ("limits", "storage"): settings.limits.storage,
        ("features", "online_url"): settings.features.online_url,
    }
    for path, address in addresses.items():
        if address is not None and not _is_redis(address.get_secret_value()):
            yield Refusal(
                path,
                "is no address of a Redis",
                "redis://host:6379/0, rediss:// for TLS, unix:///path/to/socket, or nothing.",
            )


def _is_redis(address: str) -> bool:
    if not _REDIS.fullmatch(address):
        return False
    try:
        return urlsplit(address).port != 0
    except ValueError:  # a port or an IPv6 address that cannot be
        return False
