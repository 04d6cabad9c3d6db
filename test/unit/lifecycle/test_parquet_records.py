from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import RecordsError
from app.lifecycle.parquet_records import ParquetRecords

LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC).replace(tzinfo=None)


def a_file(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_values_come_as_python_has_them_and_nan_as_none(tmp_path: Path) -> None:
    time = pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns", tz="UTC"))
    path = a_file(tmp_path / "a.parquet", x=[1.5, float("nan")], at=time, who=["a", None])

    [chunk] = ParquetRecords(path).chunks()

    at = datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert chunk.columns == {"x": [1.5, None], "at": [at, None], "who": ["a", None]}
    assert (list(chunk.rows), chunk.file) == ([1, 2], "")


def test_a_folder_is_read_file_by_file_without_what_is_hidden(tmp_path: Path) -> None:
    a_file(tmp_path / "b" / "date=2026-11-20" / "0.parquet", x=[2])
    a_file(tmp_path / "a.parquet", x=[1.0], y=[0])
    a_file(tmp_path / "_rejected.parquet", x=[3])
    a_file(tmp_path / ".staged" / "c.parquet", x=[4])
    source = ParquetRecords(tmp_path)

    found = [(it.file, it.columns) for it in source.chunks()]

    assert found == [
        ("a.parquet", {"x": [1.0], "y": [0]}),
        ("b/date=2026-11-20/0.parquet", {"x": [2]}),
    ]
    assert source.total == 2


def test_rows_of_a_large_file_are_numbered_across_pieces(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.parquet", x=list(range(120_000)))

    chunks = list(ParquetRecords(path).chunks())

    assert len(chunks) > 1
    assert [it.rows[0] for it in chunks] == [it.columns["x"][0] + 1 for it in chunks]
    assert sum(it.size for it in chunks) == 120_000


def test_a_file_without_rows_gives_its_columns(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.parquet", x=pa.array([], pa.int64()))

    [chunk] = ParquetRecords(path).chunks()

    assert chunk.columns == {"x": []}


def test_the_content_is_that_of_all_files_and_their_names(tmp_path: Path) -> None:
    a_file(tmp_path / "a.parquet", x=[1])
    source = ParquetRecords(tmp_path)
    before = source.content_sha256()
    (tmp_path / "a.parquet").rename(tmp_path / "b.parquet")

    assert before != source.content_sha256()
    assert source.default_batch_id("f" * 64) == f"parquet-{'f' * 16}"


def test_a_column_of_lists_is_an_operators_mistake(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.parquet", x=[[1, 2]])

    with pytest.raises(RecordsError, match=r"the column 'x' holds list<.*Fix: take it apart"):
        list(ParquetRecords(path).chunks())


def test_a_folder_without_parquet_is_an_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"holds no file named \*\.parquet"):
        ParquetRecords(tmp_path).content_sha256()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1 and no more PAR1"])
def test_a_file_that_is_no_parquet_is_an_operators_mistake(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)

    with pytest.raises(RecordsError, match=r"a\.parquet: cannot be read"):
        list(ParquetRecords(path).chunks())
    with pytest.raises(RecordsError, match=r"a\.parquet: cannot be read"):
        ParquetRecords(path).total  # noqa: B018


@pytest.mark.parametrize(
    ("kind", "last", "stored"),
    [
        (pa.timestamp("us"), LAST, 253_402_300_800_000_000),
        (pa.timestamp("ms"), LAST.replace(microsecond=999000), 2**63 - 808),
        (pa.timestamp("us", tz="Asia/Tokyo"), datetime(9999, 12, 31, 23, tzinfo=UTC), 2**62),
        (pa.date32(), date(9999, 12, 31), 2**30),
    ],
    ids=str,
)
def test_a_time_that_python_has_not_is_the_number_that_is_stored(
    tmp_path: Path, kind: pa.DataType, last: date, stored: int
) -> None:
    width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    far = pa.array([stored], width).view(kind)
    times = pa.concat_arrays([pa.array([last, None], kind), far])

    [chunk] = ParquetRecords(a_file(tmp_path / "a.parquet", at=times)).chunks()

    assert chunk.columns["at"] == [last, None, stored]
