"""A writer of the audit log that a test steers, and what counts its outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.adapters.audit.queueing import AuditQueue
from app.adapters.null import NullMetrics
from app.domain.audit import Event

LONG: Final = 60.0
Make = Callable[..., AuditQueue]


@dataclass(slots=True)
class Counts(NullMetrics):
    """Counts what the queue tells."""

    written: int = 0
    dropped: int = 0
    failed: int = 0

    def audited(self, outcome: str, events: int) -> None:
        setattr(self, outcome, getattr(self, outcome) + events)


@dataclass(slots=True)
class Book:
    """A writer into a list, which a test lets fail, wait, or lose its answer."""

    batches: list[list[Event]] = field(default_factory=list)
    problem: Exception | None = None
    keeps_all_the_same: bool = False
    may_write: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    is_closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_write.set()

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    def write(self, events: Sequence[Event]) -> None:
        self.entered.set()
        assert self.may_write.wait(LONG)
        if self.problem is None or self.keeps_all_the_same:
            self.batches.append(list(events))
        if self.problem is not None:
            raise self.problem

    def was_written(self) -> bool:
        return self.keeps_all_the_same

    def maintain(self) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        self.is_closed.set()
