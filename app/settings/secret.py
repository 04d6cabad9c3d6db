"""The shared secret: from the settings, or, in dev, made once and kept in ``runtime/``."""

from __future__ import annotations

import secrets
from pathlib import Path

from app.errors import SettingsError
from app.files import create_once
from app.settings.schema import Settings


def shared_secret(settings: Settings) -> str | None:
    """Return the secret that signs and verifies; gateway and token script find the same one.

    None where public keys verify instead.

    Raises:
        SettingsError: there is neither, and this environment makes none, or it cannot be kept.
    """
    security = settings.security
    if security.jwt_secret is not None:
        return security.jwt_secret.get_secret_value()
    if security.keys_path is not None or security.jwks is not None:
        return None
    if settings.environment != "dev":
        raise SettingsError("security.jwt_secret is missing. Fix: set JWT_SECRET.")
    file = _dev_file(settings)
    try:
        key = create_once(file, secrets.token_hex(64).encode()).decode("utf-8", "replace")
    except OSError as error:
        message = f"{file}: cannot be written: {error.strerror}. Fix: set JWT_SECRET."
        raise SettingsError(message) from error
    if file.stat().st_mode & 0o077:
        raise SettingsError(f"{file}: others may read it. Fix: remove it; a new one is made.")
    if not key:
        raise SettingsError(f"{file}: is empty. Fix: remove it, or set JWT_SECRET.")
    return key


def _dev_file(settings: Settings) -> Path:
    return settings.path(settings.runtime_path) / "dev-jwt-secret"
