"""Records out of a real PostgreSQL: streamed, typed, read only, and without its password."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.errors import RecordsError
from app.lifecycle.data_contract import load_data_contract
from app.lifecycle.ingest import Batch, Ingested, ingest
from app.lifecycle.sql_records import SqlRecords
from app.settings.overlay import PROJECT
from test.postgres_server import Postgres, running_postgres

QUERY = "SELECT * FROM transactions ORDER BY event_time"
N_ROWS = 12_000
TABLE = """
CREATE TABLE transactions (
  customer_id text, event_time timestamptz, amount numeric(12, 2), items smallint, channel text,
  is_member boolean, discount real, spend_next_30d double precision, token uuid
)"""
ROWS = """
INSERT INTO transactions
SELECT 'customer-' || n % 100, timestamptz '2026-11-20 08:00+01' + n * interval '1 minute',
  n / 4.0, 1 + n % 5, 'web', n % 2 = 0, CASE WHEN n % 3 = 0 THEN 'NaN'::real ELSE 0.5 END, n,
  gen_random_uuid()
FROM generate_series(1, 12000) AS n"""
BAD = "INSERT INTO transactions VALUES (NULL, NULL, 'NaN', 1, 'kiosk', true, 2, 1, NULL)"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as found:
        with psycopg.connect(found.url(), autocommit=True) as connection:
            for statement in (TABLE, ROWS, BAD):
                connection.execute(statement.encode())
        yield found


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is sent to any database meanwhile."""
    sent: list[str] = []

    def keep(_connection: object, cursor: object, *_: object) -> None:
        sent.append(type(cursor).__name__)

    event.listen(Engine, "before_cursor_execute", keep)
    yield sent
    event.remove(Engine, "before_cursor_execute", keep)


def ingested(server: Postgres, folder: Path, query: str = QUERY) -> Ingested:
    return ingest(
        Batch(
            source=SqlRecords(server.url(), query),
            contract=load_data_contract(PROJECT / "data_contract.yaml"),
            records_path=folder,
            batch_id=None,
            max_invalid=0.05,
            now=datetime(2026, 11, 21, tzinfo=UTC),
        )
    )


def test_a_table_becomes_records_and_its_password_is_nowhere(
    server: Postgres, tmp_path: Path
) -> None:
    done = ingested(server, tmp_path)

    assert (done.report.rows, done.report.invalid) == (N_ROWS + 1, 1)
    first = pq.read_table(done.folder / "date=2026-11-20").slice(0, 2).to_pylist()
    assert [(it["customer_id"], it["amount"], it["items"], it["discount"]) for it in first] == [
        ("customer-1", 0.25, 2, 0.5),
        ("customer-2", 0.5, 3, 0.5),
    ]
    assert first[0]["event_time"] == datetime(2026, 11, 20, 7, 1, tzinfo=UTC)
    [rejected] = pq.read_table(done.folder / "_rejected.parquet").to_pylist()
    assert [it.split(":")[0] for it in rejected["reasons"]] == [
        "customer_id",
        "amount",
        "channel",
        "discount",
    ]
    written = b"".join(it.read_bytes() for it in tmp_path.rglob("*") if it.is_file())
    assert server.password.encode() not in written + str(done).encode()


def test_the_rows_stay_in_the_database_until_they_are_asked_for(
    server: Postgres, statements: list[str]
) -> None:
    chunk = next(SqlRecords(server.url(), QUERY).chunks())

    assert len(chunk.rows) == 5_000
    assert statements == ["ServerCursor"]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM transactions RETURNING *",
        "SELECT 1; DROP TABLE transactions",
        "WITH gone AS (DELETE FROM transactions RETURNING *) SELECT * FROM gone",
    ],
)
def test_a_query_cannot_change_anything(server: Postgres, query: str) -> None:
    with pytest.raises(RecordsError):
        list(SqlRecords(server.url(), query).chunks())

    [chunk] = SqlRecords(server.url(), "SELECT count(*) AS n FROM transactions").chunks()
    assert chunk.columns == {"n": [N_ROWS + 1]}


def test_a_wrong_password_is_not_shown(server: Postgres) -> None:
    url = server.url().replace(server.password, "hunter-2")

    with pytest.raises(RecordsError, match="password authentication failed") as refused:
        list(SqlRecords(url, QUERY).chunks())

    assert "hunter-2" not in str(refused.value)
