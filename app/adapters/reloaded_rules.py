"""The rules in force in one worker, read again when somebody asks any worker to."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from app.domain.rules import Rules
from app.errors import SettingsError, SettingsRefusedError
from app.files import PRIVATE, write_atomically
from app.settings.rules import rules_of
from app.settings.schema import Settings

log = logging.getLogger("gatehouse.rules")
STALE_SECONDS: Final = 0.25
RELOADED: Final = {
    "allowed_roles",
    "grants",
    "rate_limit",
    "limits.policies",
    "limits.concurrent_requests",
}


class ReloadedRules:
    """Fulfils the port ``RulesInForce``; a file that changes tells every worker to read again.

    Args:
        settings: those that the worker started with.
        load: reads them again.
        marker: the file whose content changes with every reload.
    """

    def __init__(self, settings: Settings, load: Callable[[], Settings], marker: Path) -> None:
        self._settings = settings
        self._load = load
        self._marker = marker
        self._rules = rules_of(settings)
        self._seen = self._mark()
        self._looked_at = time.monotonic()

    def current(self) -> Rules:
        """Return the rules now in force."""
        now = time.monotonic()
        if now - self._looked_at >= STALE_SECONDS:
            self._looked_at = now
            self._follow()
        return self._rules

    def reload(self) -> Sequence[str]:
        """Read the settings again, in every worker; return the changed keys that need a restart.

        Raises:
            SettingsRefusedError: they are wrong; the rules stay as they were.
        """
        try:
            settings = self._load()
        except SettingsError as error:
            raise SettingsRefusedError(str(error)) from error
        write_atomically(self._marker, secrets.token_hex(16).encode(), mode=PRIVATE)
        self._follow()
        return sorted(_changed(self._settings, settings) - RELOADED)

    def _follow(self) -> None:
        mark = self._mark()
        if mark == self._seen:
            return
        self._seen = mark
        try:
            self._rules = rules_of(self._load())
        except SettingsError as error:
            log.warning("settings refused, rules unchanged", extra={"problem": str(error)})
            return
        log.info("rules reloaded")

    def _mark(self) -> bytes:
        try:
            return self._marker.read_bytes()
        except OSError:
            return b""


def _changed(before: Settings, after: Settings) -> set[str]:
    one, other = _leaves(before.model_dump()), _leaves(after.model_dump())
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _leaves(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return each setting under its name with dots; what is configured by name is one setting."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value and above + key != "audit.models":
            found |= _leaves(value, f"{above}{key}.")
        else:
            found[above + key] = value
    return found
