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
    """The promoted models that this worker serves. A name of None is the default's."""

    def current(self) -> ServedModel:
        """Return the default model's version in service.

        Raises:
            ModelNotReadyError: there is no good version at all.
        """
        ...

    def find(self, name: str | None, version: str | None = None) -> ServedModel:
        """Return the version of *name* that is to answer, loaded now if it was not before.

        Raises:
            ModelUnknownError: no such model, or version of it, is served here.
            ModelNotReadyError: there is no good version of it.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """Return the names of all promoted models, the default first."""
        ...

    @property
    def default_name(self) -> str | None:
        """Name of the default model in service; None when there is none."""
        ...

    def loaded(self, name: str | None) -> ServedModel | None:
        """Return the version of *name* in service; None when it is not loaded, or not known."""
        ...

    def problem(self, name: str | None = None) -> str | None:
        """Return why the promoted version is not the one in service; None when it is."""
        ...

    def queue(self, name: str | None = None) -> Queue | None:
        """Return who waits for the model in service; None where nobody does."""
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
