from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import RecordsError
from app.lifecycle.csv_records import CsvRecords
from app.lifecycle.data_contract import load_data_contract
from app.lifecycle.parquet_records import ParquetRecords
from app.lifecycle.records import RecordChecker
from app.lifecycle.sources import Source
from app.lifecycle.streams.messages import Message, read
from app.lifecycle.synthetic import Synthetic, sales
from app.lifecycle.synthetic_files import write_rows
from app.lifecycle.transactions import Transactions
from app.settings.overlay import PROJECT

CONTRACT = load_data_contract(PROJECT / "data_contract.yaml")


def some_sales(defects: float = 0.0, n_rows: int = 500) -> Synthetic:
    until = datetime(2026, 11, 21, tzinfo=UTC)
    made = Transactions(n_rows=n_rows, n_customers=9, days=3, until=until, seed=7)
    return sales(CONTRACT, made, defects=defects)


def records(source: Source) -> tuple[object, int]:
    checker = RecordChecker(CONTRACT, "here")
    [found] = [checker.check(chunk) for chunk in source.chunks()]
    return found.records.to_pylist(), len(found.rejected)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("defects", [0.0, 0.1])
def test_the_same_rows_are_the_same_bytes(tmp_path: Path, suffix: str, defects: float) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        write_rows(some_sales(defects), path)

    assert len({sha256(path.read_bytes()).digest() for path in paths}) == 1
    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.parametrize("defects", [0.0, 0.1])
def test_csv_and_parquet_hold_the_same_records(tmp_path: Path, defects: float) -> None:
    rows = some_sales(defects)
    for name in ("a.csv", "a.parquet"):
        write_rows(rows, tmp_path / name)

    found = records(CsvRecords(tmp_path / "a.csv"))

    assert found == records(ParquetRecords(tmp_path / "a.parquet")) == records(rows)
    assert (found[1] > 0) is (defects > 0)


def test_parquet_is_typed_unless_there_are_defects(tmp_path: Path) -> None:
    for defects in (0.0, 0.1):
        write_rows(some_sales(defects), tmp_path / f"{defects}.parquet")

    assert pq.read_schema(tmp_path / "0.0.parquet").field("amount").type == pa.float64()
    assert pq.read_schema(tmp_path / "0.1.parquet").field("amount").type == pa.string()


def test_a_line_of_json_is_a_message_of_the_stream(tmp_path: Path) -> None:
    write_rows(some_sales(), tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines()
    message = read(lines[0])

    assert isinstance(message, Message)
    assert [*message.features] == ["amount", "items", "channel", "is_member", "discount"]
    assert {"customer_id", "event_time", "spend_next_30d"} < set(json.loads(lines[0]))
    assert len(lines) == 500


def test_a_suffix_that_is_unknown_is_an_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"a\.txt: is no \.csv, \.parquet, \.jsonl"):
        write_rows(some_sales(), tmp_path / "a.txt")


def test_a_place_that_cannot_be_written_is_an_operators_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()

    with pytest.raises(RecordsError, match=r"cannot be written: .*Fix:"):
        write_rows(some_sales(), tmp_path / "a.csv")


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"there is no such folder\. Fix: mkdir -p .*/no/one$"):
        write_rows(some_sales(), tmp_path / "no" / "one" / "a.csv")

    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("app.lifecycle.synthetic.spoil", fail)
    with pytest.raises(ZeroDivisionError):
        write_rows(some_sales(), tmp_path / "a.csv")

    assert list(tmp_path.iterdir()) == []
