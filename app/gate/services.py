"""Everything that one worker answers with; built once by ``app/wiring.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.ports import Alerts, Cache, Limits, Metrics, Tokens
from app.domain.prediction import ServedModel
from app.gate.readers import Readers
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
    def problem(self) -> str | None:
        """Why the promoted version is not the one in service; None when it is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The ports, joined. ``cache`` is None when it is turned off; ``now`` is in UTC."""

    settings: Settings
    models: Models
    tokens: Tokens
    limits: Limits
    cache: Cache | None
    metrics: Metrics
    alerts: Alerts
    now: Callable[[], datetime]
    is_draining: Callable[[], bool]
    readers: Readers
