"""Opens the audit log's database, SQLite or PostgreSQL, and brings its schema up to date."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from app.errors import AuditStoreError, SettingsError

BUSY_SECONDS: Final = 5
_AGAIN_SECONDS: Final = 0.01
_MIGRATION_LOCK: Final = 0x6761_7465  # any number, the same in every process: "gate"
_PATIENCE: Final = {"connect_timeout": "3", "tcp_user_timeout": "5000", "keepalives_idle": "5"}
_STATEMENT_END: Final = re.compile(r";\s*$", re.MULTILINE)
_HOST: Final = re.compile(r"[\w.,:-]+")
_COMMENT: Final = re.compile(r"^--.*$", re.MULTILINE)


class SchemaTooNewError(SettingsError):
    """The database was written by a newer Gatehouse."""


def sqlite(path: Path, *, writes: bool = True) -> Engine:
    """Return the engine of the file *path*; one that *writes* makes what is missing.

    The file survives the machine's power being cut: WAL, and a flush with every transaction.
    Each transaction takes the write lock when it begins, so none fails half-way because of another.
    """
    mode = "rwc" if writes else "ro"
    engine = create_engine(
        f"sqlite+pysqlite:///file:{_quoted(path)}?mode={mode}&uri=true",
        poolclass=StaticPool if writes else NullPool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the module's own BEGIN would come too late
        if writes:
            connection.execute("PRAGMA page_size = 32768")  # of a new file; large inputs want it
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
        else:
            connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: Any) -> None:
    """Switch to WAL. Of several that do so at once SQLite tells some at once that it is locked."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(_AGAIN_SECONDS)
        else:
            return


def make_private(path: Path) -> int:
    """Make an empty file at *path*, if there is none, for this user only; return its inode.

    A file that is there is not opened: closing it would drop the locks that SQLite holds on it in
    this process, and with them what was written ("How To Corrupt", section 2.2, sqlite.org).
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return path.stat().st_ino


def postgresql(url: str) -> Engine:
    """Return the engine of *url*, such as ``postgresql://user:password@host/name``.

    A server that cannot be reached is given up after seconds, unless the url says otherwise.

    Raises:
        SettingsError: it is no such url; the message does not quote it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(f"audit.url: is no url. Fix: {_EXAMPLE}") from None
    if parsed.host and not _HOST.fullmatch(parsed.host):
        # An "@" in a password makes its end the host, which errors would name.
        fix = "write %40 for @ in a password."
        raise SettingsError(f"audit.url: names no host that could be one. Fix: {fix}")
    parsed = parsed.set(drivername="postgresql+psycopg")
    patience = {key: value for key, value in _PATIENCE.items() if key not in parsed.query}
    return create_engine(
        parsed.update_query_dict(patience), pool_size=1, pool_pre_ping=True, hide_parameters=True
    )


_EXAMPLE: Final = "postgresql://user:password@host/name, or nothing for SQLite."


def migrate(engine: Engine) -> None:
    """Run the numbered migrations that the database has not seen, under a lock.

    Raises:
        SchemaTooNewError: a newer Gatehouse has been there.
        SQLAlchemyError: the database cannot be used.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        connection.exec_driver_sql(
            "CREATE TABLE IF NOT EXISTS audit_schema (version INTEGER PRIMARY KEY)"
        )
        version = check_version(connection)
        for number, statements in _migrations():
            if number > version:
                for statement in statements:
                    connection.exec_driver_sql(statement)
                connection.exec_driver_sql(f"INSERT INTO audit_schema VALUES ({number})")  # noqa: S608  a number


def check_version(connection: Connection) -> int:
    """Return the schema's version, 0 for none.

    Raises:
        SchemaTooNewError: this Gatehouse does not know it.
    """
    found = connection.exec_driver_sql("SELECT max(version) FROM audit_schema").scalar() or 0
    newest = max(number for number, _ in _migrations())
    if found > newest:
        raise SchemaTooNewError(
            f"the audit log has schema {found}, and this Gatehouse knows {newest}. "
            "Fix: upgrade Gatehouse, or name another database in audit.url."
        )
    return int(found)


def _migrations() -> Iterator[tuple[int, list[str]]]:
    folder = files("app.adapters.audit") / "migrations"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            text = _COMMENT.sub("", file.read_text(encoding="utf-8"))
            statements = [part.strip() for part in _STATEMENT_END.split(text)]
            yield int(file.name[:4]), [statement for statement in statements if statement]


@contextmanager
def told_without_values() -> Iterator[None]:
    """Turn an error of the database into one whose text holds no row and no password.

    Raises:
        AuditStoreError: as its text says.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise AuditStoreError(f"the audit log: {_reason(error)}") from error
    except OSError as error:
        raise AuditStoreError(f"the audit log: {error.filename}: {error.strerror}") from error


def _reason(error: SQLAlchemyError) -> str:
    origin = error.orig if isinstance(error, DBAPIError) else None
    if origin is None:
        return type(error).__name__
    # Only an OperationalError never quotes a value: it is about connections, locks and disks.
    is_quotable = isinstance(error, OperationalError)
    text = str(origin).partition("\n")[0] if is_quotable else ""
    return f"{type(origin).__name__}: {text}".removesuffix(": ")


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
