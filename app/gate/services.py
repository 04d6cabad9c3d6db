"""Everything that one worker answers with; built once by ``app/wiring/``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.ports import Alerts, Audit, Cache, Limits, Metrics, Queue, Revocations, Tokens
from app.domain.prediction import ServedModel
from app.domain.rules import Rules
from app.gate.readers import Readers
from app.gate.turns import Turns
from app.settings.schema import Settings


class Models(Protocol):
    """The model that this worker serves by default."""

    def current(self) -> ServedModel:
        """Return the version in service.

        Raises:
            ModelNotReadyError: there is no good version at all.
        """
        ...

    @property
    def default_name(self) -> str | None:
        """Name of the model in service; None when there is none."""
        ...

    @property
    def queue(self) -> Queue | None:
        """Who waits for the model in service; None where nobody does."""
        ...

    @property
    def problem(self) -> str | None:
        """Why the promoted version is not the one in service; None when it is."""
        ...


class RulesInForce(Protocol):
    """Grants and limits, as the settings said when they were last read."""

    def current(self) -> Rules:
        """Return the rules now in force; a reload reaches every worker within a second."""
        ...

    def reload(self) -> Sequence[str]:
        """Read the settings again, in every worker; return the changed keys that need a restart.

        Raises:
            SettingsRefusedError: they are wrong; the rules stay as they were.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The ports, joined. ``cache`` is None when it is turned off; ``now`` is in UTC."""

    settings: Settings
    rules: RulesInForce
    models: Models
    tokens: Tokens
    revocations: Revocations
    limits: Limits
    audit: Audit
    cache: Cache | None
    metrics: Metrics
    alerts: Alerts
    now: Callable[[], datetime]
    is_draining: Callable[[], bool]
    readers: Readers
    turns: Turns
