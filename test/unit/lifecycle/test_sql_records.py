from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import RecordsError
from app.lifecycle.sql_records import SqlRecords

SECRET = "hunter-2"


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE sales (who TEXT, much)")
        rows = [(f"customer-{n}", n / 2) for n in range(12_000)]
        connection.executemany("INSERT INTO sales VALUES (?, ?)", [*rows, ("x", "twelve")])
        connection.commit()
    return f"sqlite:///{path}"


def test_all_rows_come_in_pieces(url: str) -> None:
    chunks = list(SqlRecords(url, "SELECT who, much FROM sales").chunks())

    assert [len(it.rows) for it in chunks] == [5_000, 5_000, 2_001]
    assert chunks[1].rows[0] == 5_001
    assert chunks[2].columns["much"][-2:] == [11_999 / 2, "twelve"]


def test_a_query_without_rows_gives_its_columns(url: str) -> None:
    [chunk] = SqlRecords(url, "SELECT who, much FROM sales WHERE much < 0").chunks()

    assert chunk.columns == {"who": [], "much": []}


def test_percent_and_colon_in_a_query_are_what_they_are(url: str) -> None:
    query = "SELECT 'a:b 100%' AS word FROM sales WHERE who LIKE 'customer-1199%' LIMIT 1"

    [chunk] = SqlRecords(url, query).chunks()

    assert chunk.columns == {"word": ["a:b 100%"]}


@pytest.mark.parametrize(
    "query", ["DELETE FROM sales", "DROP TABLE sales", "DELETE FROM sales RETURNING who"]
)
def test_a_query_cannot_change_anything(url: str, query: str) -> None:
    with pytest.raises(RecordsError):
        list(SqlRecords(url, query).chunks())

    [chunk] = SqlRecords(url, "SELECT count(*) AS n FROM sales").chunks()
    assert chunk.columns == {"n": [12_001]}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nix FROM sales", "no such column: nix"),
        ("SELECT who, who FROM sales", "two columns are called 'who'"),
        ("PRAGMA query_only = OFF", "answers no rows. Fix: a SELECT"),
        ("", "answers no rows"),
    ],
)
def test_a_query_that_answers_no_rows_is_an_operators_mistake(
    url: str, query: str, said: str
) -> None:
    with pytest.raises(RecordsError, match=said):
        list(SqlRecords(url, query).chunks())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("shop", "--sql: the first word is no url"),
        ("sqlite:///no/such.db", "no/such.db: there is no such file"),
        ("sqlite://", "there is no such file"),
        (f"oracles://a:{SECRET}@host/shop", "oracles: is no database known here"),
        (f"postgresql://a:{SECRET}@127.0.0.1:1/shop", "127.0.0.1:1/shop: connection failed"),
        (f"postgresql://127.0.0.1:1/shop?password={SECRET}", "127.0.0.1:1/shop: connection failed"),
        (f"postgresql://a:{SECRET}@127.0.0.1:1/shop?no={SECRET}", "shop: invalid"),
    ],
)
def test_a_url_that_leads_nowhere_is_an_operators_mistake(url: str, said: str) -> None:
    with pytest.raises(RecordsError, match=said) as refused:
        list(SqlRecords(url, "SELECT 1").chunks())

    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_password_is_neither_shown_nor_in_the_batch_id() -> None:
    one = SqlRecords(f"postgresql://a:{SECRET}@host/shop?sslpassword={SECRET}", "SELECT 1")
    other = SqlRecords("postgresql://a:changed@host/shop", "SELECT 1")

    assert SECRET not in one.origin + repr(one)
    assert one.default_batch_id(None) == other.default_batch_id(None)
    assert one.content_sha256() is None
