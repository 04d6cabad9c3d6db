"""The audit log's tables in SQLite or PostgreSQL, through SQLAlchemy Core.

Imported by the thread that writes and by the command lines only: SQLAlchemy takes a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, Select, column, delete, insert, select, table

from app.adapters.audit.database import check_version, make_private, migrate, told_without_values
from app.domain.audit import Record
from app.domain.audit_chain import CHECKPOINT, Chain, Checkpoint, Head, Left

Row = TypeVar("Row", bound=NamedTuple)
RECORDS: Final = table("audit_records", *map(column, Record._fields))
HEADS: Final = table("audit_heads", *map(column, Head._fields))
_COLUMNS: Final = ", ".join(Record._fields)
_READ_AT_ONCE: Final = 1_000
_MOST_HEADS_CUT: Final = 1_000


class AuditStore:
    """Writes records and heads. Not for two threads at once.

    Args:
        engine: of the database.
        file: of SQLite; when somebody removes it, another one is made.
    """

    def __init__(self, engine: Engine, file: Path | None = None) -> None:
        self._engine = engine
        self._file = file
        self._inode: int | None = None

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Yield one transaction; what was written in it is there when the block has ended.

        Raises:
            AuditStoreError: nothing was written, or, when the connection was lost at the very end,
                nobody knows.
            SchemaTooNewError: a newer Gatehouse has been there.
        """
        with told_without_values():
            self._prepare()
            with self._engine.begin() as connection:
                yield Writing(connection)

    def _prepare(self) -> None:
        inode = make_private(self._file) if self._file else 0
        if inode != self._inode:
            self._engine.dispose()
            migrate(self._engine)
            self._inode = inode

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()


@dataclass(frozen=True, slots=True)
class Writing:
    """What can be done in one transaction."""

    connection: Connection

    def add_records(self, records: Sequence[Record]) -> None:
        """Append *records*."""
        # Rows of one shape need none of what SQLAlchemy does for each: half the time of a write.
        mark = "?" if self.connection.dialect.paramstyle == "qmark" else "%s"
        marks = ", ".join([mark] * len(Record._fields))
        statement = f"INSERT INTO audit_records ({_COLUMNS}) VALUES ({marks})"  # noqa: S608  names of ours
        self.connection.exec_driver_sql(statement, [tuple(record) for record in records])

    def end_of(self, writer: str) -> Chain:
        """Return how far *writer* has come."""
        return self._last(writer) or Chain(writer)

    def add_head(self, made: Callable[[Head | None], Head]) -> Head:
        """Append what *made* returns for the newest head; processes wait for one another."""
        self._lock_heads()
        head = made(self._head(HEADS.c.number.desc()))
        self.connection.execute(insert(HEADS), head._asdict())
        return head

    def oldest_head(self) -> Head | None:
        """Return the first head that is left."""
        return self._head(HEADS.c.number)

    def newest_head(self) -> Head | None:
        """Return the last head."""
        return self._head(HEADS.c.number.desc())

    def cut(self, before_us: int, from_bytes: int) -> Checkpoint | None:
        """Drop whole segments: those signed before *before_us* or below *from_bytes*.

        At most a thousand at once; the rest the next time. Of a writer that has fallen silent,
        what no head has signed goes too, once it is that old.

        Returns:
            Where the rest goes on, to be signed as the next head; None when nothing was dropped.
        """
        self._lock_heads()
        oldest = self.oldest_head()
        if oldest is None:
            return None
        last = self._last_to_cut(oldest.number, before_us, from_bytes)
        if last < oldest.number:
            return None
        signed = self._head(HEADS.c.number.desc(), HEADS.c.kind == CHECKPOINT)
        heads = self._heads(select(HEADS).where(HEADS.c.number <= last).order_by(HEADS.c.number))
        checkpoint, dropped = Checkpoint.of(signed).moved(heads)
        writers = dict(checkpoint.writers)
        for writer in [w for w, left in writers.items() if self._is_dead(left, last, before_us)]:
            end = self._last(writer, RECORDS.c.at_us < before_us) or writers[writer].chain
            dropped[writer] = end
            writers[writer] = replace(writers[writer], chain=end)
            if self.end_of(writer).seq <= end.seq:
                del writers[writer]
        for chain in dropped.values():
            mine = RECORDS.c.writer == chain.writer
            self.connection.execute(delete(RECORDS).where(mine, RECORDS.c.seq <= chain.seq))
        self.connection.execute(delete(HEADS).where(HEADS.c.number <= last))
        return replace(checkpoint, writers=writers)

    def _last_to_cut(self, oldest: int, before_us: int, from_bytes: int) -> int:
        by_age = self._head(HEADS.c.number, HEADS.c.at_us >= before_us)
        by_size = self._head(HEADS.c.number, HEADS.c.total_bytes >= from_bytes)
        newest = self.newest_head()
        all_of_them = newest.number + 1 if newest else 0
        first_kept = max(head.number if head else all_of_them for head in (by_age, by_size))
        return min(first_kept - 1, oldest + _MOST_HEADS_CUT)

    def _is_dead(self, left: Left, cut: int, before_us: int) -> bool:
        """Say whether a writer has signed nothing for so long that it must have been killed."""
        newer = (HEADS.c.writer == left.chain.writer, HEADS.c.number > cut)
        return left.at_us < before_us and self._head(HEADS.c.number, *newer) is None

    def _last(self, writer: str, *where: Any) -> Chain | None:
        query = select(RECORDS.c.seq, RECORDS.c.hash).where(RECORDS.c.writer == writer, *where)
        found = self.connection.execute(query.order_by(RECORDS.c.seq.desc()).limit(1)).first()
        return Chain(writer, *found) if found else None

    def _lock_heads(self) -> None:
        # SQLite's transactions that write exclude one another anyway.
        if self.connection.dialect.name == "postgresql":
            self.connection.exec_driver_sql("LOCK TABLE audit_heads IN EXCLUSIVE MODE")

    def _head(self, order: Any, *where: Any) -> Head | None:
        return next(self._heads(select(HEADS).where(*where).order_by(order).limit(1)), None)

    def _heads(self, query: Select[Any]) -> Iterator[Head]:
        return (Head._make(row) for row in self.connection.execute(query).all())


class AuditReading:
    """One state of the log, read in one transaction. Fulfils ``Log`` of the verification."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def heads(self) -> Iterator[Head]:
        """Yield every head in the order of their numbers."""
        return self._stream(Head, select(HEADS).order_by(HEADS.c.number))

    def checkpoints(self) -> Iterator[Head]:
        """Yield the heads that are checkpoints, the newest first."""
        query = select(HEADS).where(HEADS.c.kind == CHECKPOINT)
        return self._stream(Head, query.order_by(HEADS.c.number.desc()))

    def heads_of(self, writer: str) -> Iterator[Head]:
        """Yield the heads of *writer*, by seq and number."""
        query = select(HEADS).where(HEADS.c.writer == writer)
        return self._stream(Head, query.order_by(HEADS.c.seq, HEADS.c.number))

    def records_of(self, writer: str) -> Iterator[Record]:
        """Yield the records of *writer* by seq."""
        query = select(RECORDS).where(RECORDS.c.writer == writer)
        return self._stream(Record, query.order_by(RECORDS.c.seq))

    def writers(self) -> Iterator[str]:
        """Yield each writer that has records, once."""
        query = select(RECORDS.c.writer).distinct()
        return (row[0] for row in self._connection.execute(query))

    def between(self, from_us: int, to_us: int) -> Iterator[Record]:
        """Yield the records of that time, from it and before its end, by time."""
        within = (RECORDS.c.at_us >= from_us, RECORDS.c.at_us < to_us)
        order = (RECORDS.c.at_us, RECORDS.c.writer, RECORDS.c.seq)
        return self._stream(Record, select(RECORDS).where(*within).order_by(*order))

    def _stream(self, kind: type[Row], query: Select[Any]) -> Iterator[Row]:
        options = {"yield_per": _READ_AT_ONCE}
        with self._connection.execute(query, execution_options=options) as rows:
            yield from map(kind._make, rows)


@contextmanager
def reading(engine: Engine) -> Iterator[AuditReading]:
    """Yield one state of the log, whatever is written meanwhile.

    Raises:
        AuditStoreError: there is none, or it cannot be read.
        SchemaTooNewError: it belongs to a newer Gatehouse.
    """
    options: dict[str, Any] = (
        {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        if engine.dialect.name == "postgresql"
        else {}
    )
    try:
        with told_without_values(), engine.connect() as connection:
            connection.execution_options(**options)
            check_version(connection)
            yield AuditReading(connection)
    finally:
        engine.dispose()
