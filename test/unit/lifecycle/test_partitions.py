from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import OperatorError
from app.lifecycle.partitions import (
    place_of,
    publish,
    put_back,
    records_glob,
    refuse,
    refused_place,
    sources,
    staged,
)
from app.settings.overlay import PROJECT

HOLD = """
import sys, time
from pathlib import Path
from app.lifecycle.partitions import staged
with staged(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    time.sleep(60)
"""


def put(folder: Path, value: int, day: str = "2026-11-20") -> None:
    (folder / f"date={day}").mkdir()
    pq.write_table(pa.table({"value": [value]}), folder / f"date={day}" / "00000.parquet")


def values(records: Path) -> list[int]:
    query = "SELECT value FROM read_parquet(?, hive_partitioning=true) ORDER BY value"
    return [it for (it,) in duckdb.execute(query, [records_glob(records, "sales")]).fetchall()]


def publish_one(records: Path, batch_id: str, value: int) -> None:
    place = place_of(records, "sales", batch_id)
    with staged(place) as folder:
        put(folder, value)
        publish(folder, place)


@pytest.mark.parametrize("name", ["records", "re[co]rds * {a,b}?"])
def test_all_batches_are_read_by_the_glob(tmp_path: Path, name: str) -> None:
    publish_one(tmp_path / name, "20261120", 1)
    publish_one(tmp_path / name, "b", 2)

    assert values(tmp_path / name) == [1, 2]
    assert sources(tmp_path / name) == ["sales"]


def test_a_batch_replaces_itself(tmp_path: Path) -> None:
    publish_one(tmp_path, "a", 1)
    publish_one(tmp_path, "a", 2)

    assert values(tmp_path) == [2]


def test_what_is_staged_or_refused_is_not_read(tmp_path: Path) -> None:
    publish_one(tmp_path, "a", 1)
    place = place_of(tmp_path, "sales", "b")
    with staged(place) as folder:
        put(folder, 2)
        assert values(tmp_path) == [1]
        refuse(folder, place)

    assert values(tmp_path) == [1]
    assert (refused_place(place) / "date=2026-11-20").is_dir()


def test_publishing_takes_back_a_refusal(tmp_path: Path) -> None:
    place = place_of(tmp_path, "sales", "a")
    with staged(place) as folder:
        refuse(folder, place)
    publish_one(tmp_path, "a", 1)

    assert not refused_place(place).exists()


def test_a_batch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    place = place_of(tmp_path, "sales", "a")

    def fail() -> None:
        with staged(place) as folder:
            put(folder, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not any((tmp_path / "sales" / "_staged").iterdir())
    assert sources(tmp_path) == []


def test_what_a_killed_process_staged_is_swept_away_and_what_a_live_one_stages_is_not(
    tmp_path: Path,
) -> None:
    place = place_of(tmp_path, "sales", "a")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        half = Path(other.stdout.readline().strip())
        publish_one(tmp_path, "b", 1)
        was_kept = half.exists()
        other.kill()
        other.wait()
        publish_one(tmp_path, "c", 2)

    assert (was_kept, half.exists()) == (True, False)
    assert values(tmp_path) == [1, 2]


def set_aside(records: Path, batch_id: str) -> None:
    """Leave a batch as a process does that is killed between the two renames."""
    place = place_of(records, "sales", batch_id)
    (place.parent / "_replaced").mkdir(exist_ok=True)
    place.rename(place.parent / "_replaced" / batch_id)


def test_a_batch_that_was_set_aside_when_the_process_died_is_back(tmp_path: Path) -> None:
    publish_one(tmp_path, "a", 1)
    set_aside(tmp_path, "a")
    publish_one(tmp_path, "b", 2)

    assert values(tmp_path) == [1, 2]


def test_readers_put_back_what_was_set_aside(tmp_path: Path) -> None:
    publish_one(tmp_path, "a", 1)
    set_aside(tmp_path, "a")

    put_back(tmp_path, "sales")

    assert values(tmp_path) == [1]


def test_what_cannot_be_put_back_is_an_operators_mistake(tmp_path: Path) -> None:
    publish_one(tmp_path, "a", 1)
    set_aside(tmp_path, "a")
    (tmp_path / "sales" / "_lock").unlink()
    (tmp_path / "sales" / "_lock").mkdir()

    with pytest.raises(
        OperatorError, match=r"_replaced: has a batch that is to be put back: .*Fix"
    ):
        put_back(tmp_path, "sales")


@pytest.mark.parametrize("batch_id", ["", "../a", "_a", ".a", "a/b", "a" * 101, "a b"])
def test_a_batch_id_that_is_no_name_is_refused(tmp_path: Path, batch_id: str) -> None:
    with pytest.raises(OperatorError, match="is no batch id"):
        place_of(tmp_path, "sales", batch_id)


def test_a_source_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="is no name of a source"):
        records_glob(tmp_path, "../sales")


def test_a_folder_that_cannot_be_made_is_an_operators_mistake(tmp_path: Path) -> None:
    (tmp_path / "sales").write_text("a file")

    with (
        pytest.raises(OperatorError, match=r"cannot be written: .*Fix:"),
        staged(place_of(tmp_path, "sales", "a")),
    ):
        pass


def test_a_full_disk_is_an_operators_mistake(tmp_path: Path) -> None:
    with (
        pytest.raises(OperatorError, match="No space left"),
        staged(place_of(tmp_path, "sales", "a")),
    ):
        raise OSError(28, "No space left on device")
