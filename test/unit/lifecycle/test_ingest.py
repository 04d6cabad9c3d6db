from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import OperatorError, RecordsError
from app.lifecycle.csv_records import CsvRecords
from app.lifecycle.data_contract import DataContract
from app.lifecycle.ingest import Batch, Ingested, ingest
from app.lifecycle.partitions import records_glob, sources
from app.lifecycle.records import Chunk
from app.lifecycle.sources import Source

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEADER = "who,at,much,color\n"
ROWS = (
    "ann,2026-11-19T23:30:00-02:00,1.5,red\n"
    "bob,2026-11-19T23:30:00Z,2,blue\n"
    "eve,2026-11-19,many,blue\n"
    "fay,,3,red\n"
    ",2026-11-19,4,\n"
)
CONTRACT = DataContract.model_validate(
    {
        "name": "sales",
        "entity": "who",
        "event_time": "at",
        "columns": [
            {"name": "who", "kind": "text"},
            {"name": "at", "kind": "time", "nullable": True},
            {"name": "much", "kind": "float", "minimum": 0},
        ],
    }
)


@dataclass(frozen=True)
class Feed:
    """Rows without a content that could be told beforehand."""

    values: list[Any]
    origin: str = "a feed"
    unit: str = "rows"
    total: int | None = None
    contents: list[str] = field(default_factory=list)

    def content_sha256(self) -> str | None:
        return self.contents.pop() if self.contents else None

    def default_batch_id(self, content: str | None) -> str:
        return f"feed-{content}"

    def chunks(self) -> Iterator[Chunk]:
        yield Chunk({"who": ["a" for _ in self.values], "much": self.values}, [*range(1, 1 + 1)])


def run(records: Path, source: Source | str, **changes: Any) -> Ingested:
    if isinstance(source, str):
        path = records.parent / "sales.csv"
        path.write_text(HEADER + source)
        source = CsvRecords(path)
    options: dict[str, Any] = {"batch_id": None, "max_invalid": 0.5, "contract": CONTRACT}
    return ingest(Batch(source=source, records_path=records, now=NOW, **(options | changes)))


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "records"


def rows(records: Path, columns: str = "who, much") -> list[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM read_parquet(?, hive_partitioning=true) ORDER BY who, much"  # noqa: S608
    return duckdb.execute(query, [records_glob(records, "sales")]).fetchall()


def test_records_lie_by_their_day_in_utc_and_without_a_time_by_that_of_ingestion(
    records: Path,
) -> None:
    run(records, ROWS)

    assert rows(records, "who, strftime(date, '%Y-%m-%d'), epoch(event_time), much") == [
        ("ann", "2026-11-20", datetime(2026, 11, 20, 1, 30, tzinfo=UTC).timestamp(), 1.5),
        ("bob", "2026-11-19", datetime(2026, 11, 19, 23, 30, tzinfo=UTC).timestamp(), 2.0),
        ("fay", "2026-11-21", NOW.timestamp(), 3.0),
    ]


def test_the_files_have_entity_time_features_and_batch_in_the_contracts_types(
    records: Path,
) -> None:
    done = run(records, ROWS, batch_id="b")

    schema = pq.read_schema(done.folder / "date=2026-11-20" / "00000.parquet")
    assert dict(zip(schema.names, schema.types, strict=True)) == {
        "who": pa.string(),
        "event_time": pa.timestamp("us", tz="UTC"),
        "much": pa.float64(),
        "batch_id": pa.string(),
    }
    assert set(rows(records, "who, much, batch_id")[0]) == {"ann", 1.5, "b"}


def test_rejected_rows_are_kept_with_reasons_place_and_raw_values(records: Path) -> None:
    done = run(records, ROWS, batch_id="b")

    eve, nobody = pq.read_table(done.folder / "_rejected.parquet").to_pylist()
    assert (eve["batch_id"], eve["row"], eve["line"]) == ("b", 3, 4)
    assert eve["reasons"] == ["much: should be a valid number, unable to parse string as a number"]
    raw = {"who": "eve", "at": "2026-11-19", "much": "many", "color": "blue"}
    assert json.loads(eve["raw"]) == raw
    assert (nobody["row"], nobody["reasons"]) == (5, ["who: may not be missing"])


def test_the_report_counts_rows_reasons_and_days(records: Path) -> None:
    done = run(records, ROWS, batch_id="b")

    found = json.loads((done.folder / "_report.json").read_text())
    assert (found["rows"], found["valid"], found["invalid"], found["invalid_share"]) == (
        5,
        3,
        2,
        0.4,
    )
    assert found["reasons"][1] == {
        "reason": "who: may not be missing",
        "rows": 1,
        "example": {"file": None, "row": 5, "line": 6},
    }
    assert found["days"] == {"2026-11-19": 1, "2026-11-20": 1, "2026-11-21": 1}
    assert (found["without_event_time"], found["left_out_columns"]) == (1, ["color"])
    assert "\n".join(done.report.lines()).endswith("days: 3, 2026-11-19 to 2026-11-21")


def test_the_same_content_is_not_ingested_twice(records: Path) -> None:
    first, second = run(records, ROWS), run(records, ROWS)

    assert (first.is_new, second.is_new) == (True, False)
    assert second.report == first.report
    assert len(rows(records)) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"contract": CONTRACT.model_copy(update={"unique": ("who", "at")})},
        {"max_invalid": 0.1},
    ],
    ids=["contract", "limit"],
)
def test_the_same_content_under_other_rules_is_looked_at_again(
    records: Path, changes: dict[str, Any]
) -> None:
    run(records, ROWS, batch_id="b")

    assert run(records, ROWS, batch_id="b", **changes).is_new


def test_a_batch_of_the_same_id_replaces_itself(records: Path) -> None:
    run(records, ROWS, batch_id="b")
    run(records, "ann,2026-11-25,7,\n", batch_id="b")

    assert rows(records) == [("ann", 7.0)]


def test_a_file_that_has_grown_does_not_count_twice(records: Path) -> None:
    before = run(records, "ann,2026-11-25,7,\n").report

    with pytest.raises(RecordsError, match=f"Fix: --batch-id {before.batch_id} to replace them, "):
        run(records, "ann,2026-11-25,7,\nbob,2026-11-25,8,\n")

    assert rows(records) == [("ann", 7.0)]


@pytest.mark.parametrize(("other", "much"), [(False, [8.0]), (True, [7.0, 8.0])])
def test_a_file_that_was_corrected_replaces_or_goes_beside_as_its_batch_id_says(
    records: Path, *, other: bool, much: list[float]
) -> None:
    before = run(records, "ann,2026-11-25,7,\n").report

    run(records, "ann,2026-11-25,8,\n", batch_id="other" if other else before.batch_id)

    assert rows(records, "much, who") == [(it, "ann") for it in much]
    assert not run(records, "ann,2026-11-25,8,\n").is_new


def test_a_file_that_was_empty_is_ingested_when_it_has_rows(records: Path) -> None:
    run(records, "")

    assert run(records, ROWS).is_new


def test_too_much_that_is_invalid_publishes_nothing_and_keeps_what_was_there(
    records: Path,
) -> None:
    run(records, "ann,2026-11-25,7,\n", batch_id="b")

    done = run(records, ROWS, batch_id="b", max_invalid=0.39)

    assert done.report.is_refused
    assert rows(records) == [("ann", 7.0)]
    assert pq.read_table(done.folder / "_rejected.parquet").num_rows == 2
    assert done.folder == records / "sales" / "_refused" / "b"


def test_a_share_that_is_the_limit_is_not_above_it(records: Path) -> None:
    assert not run(records, ROWS, max_invalid=0.4).report.is_refused


def test_a_batch_without_rows_is_published_and_no_source_to_read(records: Path) -> None:
    done = run(records, "")

    assert (done.report.rows, done.report.invalid_share) == (0, 0.0)
    assert sources(records) == []


def test_a_source_without_rows_takes_none_away(records: Path) -> None:
    run(records, ROWS, batch_id="x")

    with pytest.raises(RecordsError, match=r"holds no row, and .*/x holds 3, which stay"):
        run(records, "", batch_id="x")

    assert len(rows(records)) == 3


def test_a_contract_without_event_time_takes_the_time_of_ingestion(records: Path) -> None:
    contract = DataContract.model_validate(
        {"name": "sales", "columns": [{"name": "who", "kind": "text"}]}
    )

    run(records, ROWS, contract=contract)

    assert (
        rows(records, "who, strftime(event_time, '%Y-%m-%d'), null AS much")[0][1] == "2026-11-21"
    )


def test_what_cannot_be_told_beforehand_replaces_itself(records: Path) -> None:
    run(records, Feed([1.0]))
    run(records, Feed([2.0]))

    assert rows(records) == [("a", 2.0)]


def test_a_file_that_changes_while_it_is_read_publishes_nothing(records: Path) -> None:
    with pytest.raises(RecordsError, match="was changed while it was read"):
        run(records, Feed([1.0], contents=["after", "before"]))

    assert sources(records) == []


def test_a_batch_id_that_is_no_name_is_refused_before_anything_is_read(records: Path) -> None:
    with pytest.raises(OperatorError, match="is no batch id"):
        run(records, ROWS, batch_id="../b")

    assert not records.exists()


def test_different_reasons_without_end_are_counted_together(records: Path) -> None:
    many = "".join(f"a{',' * n}\n" for n in range(5, 1_300))

    report = run(records, many, max_invalid=0).report

    assert len(report.reasons) == 1_001
    assert sum(it.rows for it in report.reasons) == report.invalid == 1_295


def test_content_that_was_replaced_does_not_come_back_under_another_name(records: Path) -> None:
    before = run(records, "ann,2026-11-19,1,red\n").report
    copy = records.parent / "copy.csv"
    copy.write_bytes((records.parent / "sales.csv").read_bytes())
    run(records, "ann,2026-11-19,1,red\nbob,2026-11-19,2,red\n", batch_id=before.batch_id)

    with pytest.raises(RecordsError, match=f"batch {before.batch_id} has 2 records of .*sales.csv"):
        run(records, CsvRecords(copy))

    assert len(rows(records)) == 2


def test_files_of_one_name_in_two_folders_are_two(
    records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mon", "tue"):
        (records.parent / name).mkdir()
        monkeypatch.chdir(records.parent / name)
        Path("day.csv").write_text(f"{HEADER}{name},2026-11-19,1,red\n")
        run(records, CsvRecords(Path("day.csv")))

    assert rows(records) == [("mon", 1.0), ("tue", 1.0)]
