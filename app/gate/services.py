"""Everything that one worker answers with; built once by ``app/wiring/``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.contract import Contract
from app.domain.entities import EntityFeatures
from app.domain.ports import (
    Alerts,
    Audit,
    Cache,
    Limits,
    Matrix,
    Metrics,
    Queue,
    Revocations,
    Tokens,
)
from app.domain.prediction import Result, ServedModel
from app.domain.rules import Rules
from app.domain.shadow import Shadow
from app.domain.traffic import Caller, Serving, Split, Why
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

    def find(
        self, name: str | None, version: str | None = None, caller: Caller | None = None
    ) -> ServedModel:
        """Return the version of *name* that is to answer *caller*, loaded if it was not before.

        A candidate answers only a caller that belongs to it, or one that names its version.

        Raises:
            ModelUnknownError: no such model, or version of it, is served here.
            ModelNotReadyError: there is no good version of it.
        """
        ...

    def contract(self, name: str | None) -> Contract:
        """Return the contract of *name*, whose engine need not be loaded for that.

        Raises:
            ModelUnknownError: no such model is served here.
            ModelNotReadyError: its contract cannot be read.
        """
        ...

    def shadow(self, name: str | None) -> Shadow | None:
        """Return who wants copies of what *name* has answered; None when nobody does."""
        ...

    def split(self, name: str | None) -> Split | None:
        """Return what the candidate of *name* gets; None when there is none that serves."""
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
        """Return why what is promoted, or is a candidate, does not serve; None when it does."""
        ...

    def queue(self, name: str | None = None) -> Queue | None:
        """Return who waits for the model in service; None where nobody does."""
        ...


class DriftWatch(Protocol):
    """Compares what is asked and answered lately with what was trained on."""

    def observe(self, model: ServedModel, matrix: Matrix, result: Result) -> None:
        """Keep the rows of one answered request; never waits, never raises."""
        ...


class Changes(Protocol):
    """Changes which version of a model serves; all workers know within two seconds.

    Done twice, the second time changes nothing and says so.
    """

    def promote(
        self, name: str, version: str | None, why: Why, replaces: str | None = None
    ) -> Serving:
        """Make *version* the champion; None promotes the candidate.

        *replaces* is the champion that its judge compared it with: nothing changes where another
        serves by now.

        Raises:
            ChangeRefusedError: there is no such version, or it cannot be promoted now.
        """
        ...

    def roll_back(self, name: str, replaces: str | None, why: Why) -> Serving:
        """Make the version before the champion the champion again, and let a candidate go.

        Nothing changes where the champion is not the version that is to be replaced.

        Raises:
            ModelUnknownError: no such model is promoted.
            ChangeRefusedError: there was none before it.
        """
        ...

    def start(self, split: Split, why: Why) -> Serving:
        """Give a candidate its part of the requests.

        Raises:
            ModelUnknownError: no such model is promoted.
            ChangeRefusedError: there is no such version, or it cannot stand beside the champion.
        """
        ...

    def stop(self, name: str, why: Why) -> Serving:
        """Let the candidate go; the champion answers everybody.

        Raises:
            ModelUnknownError: no such model is promoted.
            ChangeRefusedError: the settings name the candidate.
        """
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
    changes: Changes
    drift: DriftWatch
    entities: EntityFeatures
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
