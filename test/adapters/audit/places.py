"""A place for an audit log: a file of SQLite, or a database of a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from app.adapters.audit.database import postgresql, sqlite
from app.adapters.audit.key import AuditKey, judge
from app.adapters.audit.store import AuditReading, AuditStore, reading
from app.adapters.audit.writer import AuditWriter, Retention
from app.domain.audit_privacy import Privacy
from app.domain.audit_verification import Verification
from app.settings.schema import Settings
from test.audit_parts import NOON
from test.builders import some_settings

DAY = 86_400.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> float:
        return self.time


@dataclass(slots=True)
class Place:
    """Where a log is kept; ``url`` is None for SQLite."""

    root: Path
    url: str | None
    key: AuditKey
    clock: Clock = field(default_factory=Clock)
    stores: list[AuditStore] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.root / "runtime" / "audit.sqlite"

    def settings(self, **audit: Any) -> Settings:
        where = {} if self.url is None else {"url": self.url}
        return some_settings(self.root, audit=where | audit)

    def engine(self, *, writes: bool = True) -> Engine:
        return sqlite(self.file, writes=writes) if self.url is None else postgresql(self.url)

    def writer(
        self,
        *,
        keep_seconds: float = 90 * DAY,
        keep_bytes: int = 2**40,
        head_seconds: float = 60,
        kind: type[AuditStore] = AuditStore,
    ) -> AuditWriter:
        store = kind(self.engine(), self.file if self.url is None else None)
        self.stores.append(store)
        return AuditWriter(
            store,
            self.key,
            Privacy(b"key"),
            head_seconds=head_seconds,
            retention=Retention(seconds=keep_seconds, n_bytes=keep_bytes),
            now=self.clock,
        )

    def leave(self) -> None:
        """Let every writer go, as if its process had been killed."""
        for store in self.stores:
            store.close()

    @contextmanager
    def read(self) -> Iterator[AuditReading]:
        with reading(self.engine(writes=False)) as log:
            yield log

    def faults(self) -> list[str]:
        with self.read() as log:
            verification = Verification(log, judge([self.key.public]))
            return [str(fault) for fault in verification.faults()]

    def requests(self) -> list[str]:
        """The request ids of all records, sorted."""
        with self.read() as log:
            return sorted(record.request_id for record in log.between(0, 2**62))

    def execute(self, *statements: str) -> list[Any]:
        """Do what somebody does who has the database; return the rows that were asked for."""
        engine = self.engine()
        try:
            with engine.begin() as connection:
                done = [connection.exec_driver_sql(statement) for statement in statements]
                return [row for result in done if result.returns_rows for row in result]
        finally:
            engine.dispose()
