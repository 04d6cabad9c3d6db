"""Raw rows of a database: the answer to one query, through a cursor that holds few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.errors import RecordsError
from app.lifecycle.records import Chunk
from app.lifecycle.sources import check_names, rows_at_once, short

_FEW_ROWS: Final = 5_000
_DRIVERS: Final[Mapping[str, str]] = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
_PLAIN: Final = (str, bool, int, float, type(None))
_EXAMPLE: Final = "Fix: as postgresql://user@host/database or sqlite:///file.db"


@dataclass(frozen=True)
class SqlRecords:
    """What *query* answers at *url*. The password is in nothing but the connection.

    Without a password in the url PostgreSQL takes that of PGPASSWORD or of ~/.pgpass.
    """

    url: str = field(repr=False)
    query: str
    unit: str = field(default="rows", init=False)
    total: int | None = field(default=None, init=False)

    @property
    def origin(self) -> str:
        """The database, without password and options, and the query."""
        return f"{_shown(self._parsed())}: {self.query}"

    def content_sha256(self) -> str | None:
        """Return None: only reading the rows would tell."""
        return None

    def default_batch_id(self, content: str | None) -> str:  # noqa: ARG002
        """Return a name made from database and query: what it answers now replaces the last."""
        return f"sql-{short(sha256(self.origin.encode()).hexdigest())}"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of the answer; the database keeps the rest until it is asked."""
        url = self._parsed()
        try:
            engine = _engine(url)
            with engine.connect() as connection:
                yield from self._chunks(connection)
        except (SQLAlchemyError, ImportError) as error:
            raise RecordsError(
                f"{_shown(url)}: {_reason(error, url)}. Fix: the query, or the rights of the user"
            ) from None

    def _chunks(self, connection: Any) -> Iterator[Chunk]:
        if connection.dialect.name == "postgresql":
            connection.execution_options(postgresql_readonly=True)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        streamed = connection.execution_options(stream_results=True, yield_per=_FEW_ROWS)
        with closing(streamed.exec_driver_sql(self.query)) as result:
            yield from self._of(result)

    def _of(self, result: Any) -> Iterator[Chunk]:
        if not result.returns_rows:
            raise RecordsError(f"{self.query!r}: answers no rows. Fix: a SELECT")
        names = list(result.keys())
        check_names(repr(self.query), names)
        n_rows = 0
        for rows in result.partitions(min(_FEW_ROWS, rows_at_once(len(names)))):
            columns = [list(map(_plain, column)) for column in zip(*rows, strict=True)]
            numbers = range(n_rows + 1, n_rows + len(rows) + 1)
            yield Chunk(dict(zip(names, columns, strict=True)), numbers, size=len(rows))
            n_rows += len(rows)
        if not n_rows:
            yield Chunk({name: [] for name in names}, [])

    def _parsed(self) -> URL:
        try:
            url = make_url(self.url)
        except (ArgumentError, ValueError):
            raise RecordsError(f"--sql: the first word is no url. {_EXAMPLE}") from None
        if url.drivername.startswith("sqlite") and not Path(url.database or "").is_file():
            raise RecordsError(f"{url.database}: there is no such file. {_EXAMPLE}")
        return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _engine(url: URL) -> Engine:
    try:
        return create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (NoSuchModuleError, ArgumentError):
        raise RecordsError(f"{url.drivername}: is no database known here. {_EXAMPLE}") from None


def _shown(url: URL) -> str:
    """Return *url* without what may be secret: the password, and every option."""
    return url.set(password=None, query={}).render_as_string()


def _reason(error: Exception, url: URL) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    said = " ".join(str(cause).split())
    secrets = [str(url.password or ""), *map(str, url.query.values())]
    for secret in filter(None, secrets):
        said = said.replace(secret, "…")
    return said


def _plain(value: Any) -> Any:
    """Return what is neither text, number nor time, such as a UUID, as text."""
    if isinstance(value, _PLAIN) or hasattr(value, "isoformat") or hasattr(value, "as_tuple"):
        return value
    return value if isinstance(value, bytes) else str(value)
