from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.lifecycle import day_files
from app.lifecycle.day_files import DayFiles

FIRST = date(2026, 11, 20)
SCHEMA = pa.schema([("value", pa.int64())])


def add(files: DayFiles, values: range, n_days: int) -> None:
    days = [FIRST + timedelta(days=it % n_days) for it in values]
    table = pa.table({"value": list(values)}, schema=SCHEMA)
    files.add(table, pa.array(days, pa.date32()))


def read(folder: Path) -> list[tuple[int, date]]:
    query = f"FROM read_parquet('{folder}/*/*.parquet', hive_partitioning=true) ORDER BY value"
    return duckdb.execute(query).fetchall()


def test_each_row_lies_in_its_day_in_the_order_it_came(tmp_path: Path) -> None:
    with DayFiles(tmp_path, SCHEMA) as files:
        add(files, range(5), 2)
        add(files, range(5, 9), 2)

    table = pq.read_table(tmp_path / "date=2026-11-20" / "00000.parquet", schema=SCHEMA)
    assert table["value"].to_pylist() == [0, 2, 4, 6, 8]
    assert files.n_rows == {FIRST: 5, FIRST + timedelta(days=1): 4}


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    with DayFiles(tmp_path, SCHEMA) as files:
        add(files, range(0), 1)

    assert list(tmp_path.iterdir()) == []


def test_no_row_is_lost_when_days_outnumber_what_may_wait_and_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_files, "_MOST_WAITING_ROWS", 20)
    monkeypatch.setattr(day_files, "_MOST_OPEN", 3)
    with DayFiles(tmp_path, SCHEMA) as files:
        for start in range(0, 500, 50):
            add(files, range(start, start + 50), 7)

    assert read(tmp_path) == [(it, FIRST + timedelta(days=it % 7)) for it in range(500)]
    assert sum(files.n_rows.values()) == 500
    assert len(list(tmp_path.glob("*/*.parquet"))) > 7


def test_a_full_row_group_is_written_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_files, "_GROUP_ROWS", 10)
    with DayFiles(tmp_path, SCHEMA) as files:
        add(files, range(25), 1)
        is_there = (tmp_path / "date=2026-11-20" / "00000.parquet").exists()

    assert is_there
