from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from app.errors import OperatorError
from app.lifecycle.batch.folder import Folder
from app.lifecycle.batch.whole import join
from app.settings.schema import Settings
from test.unit.lifecycle.batch.tables import answers, rejects, scored, some_rows, written


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """Let every write beyond *n_bytes* of a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("target", ["there", "there/out.parquet", "/proc/none/out.parquet"])
def test_an_output_that_cannot_be_made_is_told(line: Settings, tmp_path: Path, target: str) -> None:
    source = written(tmp_path / "in.parquet", some_rows(5))
    (tmp_path / "there").touch()

    with pytest.raises(OperatorError, match=rf"{target}(\.parts)?: cannot be written: .*Fix: "):
        scored(line, source, tmp_path / target)


@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_a_full_disk_is_told_and_the_same_command_goes_on(
    line: Settings, tmp_path: Path, form: str
) -> None:
    source, target = written(tmp_path / "in.parquet", some_rows(40_000)), tmp_path / "out"

    with (
        files_of_at_most(100_000),
        pytest.raises(OperatorError, match=rf"^{target}: cannot be written: .*File too large"),
    ):
        scored(line, source, target, form=form)

    assert scored(line, source, target, form=form).n_rows == 40_000
    assert not list(target.glob(".new-*"))


@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_parts_that_cannot_be_joined_are_not_blamed(tmp_path: Path, form: Any) -> None:
    parts, target = Folder.at(str(tmp_path / "parts")), Folder.at(str(tmp_path))
    for number in range(2):
        written(tmp_path / f"parts/{number}.parquet", some_rows(40_000))

    with (
        files_of_at_most(100_000),
        pytest.raises(OperatorError, match=rf"^{tmp_path}/out: cannot be written: .*File too"),
    ):
        join(parts, ["0.parquet", "1.parquet"], target, "out", form)

    assert [it.name for it in tmp_path.iterdir()] == ["parts"]


@pytest.mark.parametrize("target", ["out.arrow", "out"])
def test_keys_of_several_dictionaries_become_words(
    line: Settings, tmp_path: Path, target: str
) -> None:
    words = ["x"] * 20_000, ["y", "x"] * 10_000
    for number, key in enumerate(words):
        table = some_rows(20_000, key=pa.array(key).dictionary_encode())
        written(tmp_path / f"in/{number}.parquet", table)

    scored(line, tmp_path / "in", tmp_path / target, form="arrow")

    assert answers(tmp_path / target, "ipc")["key"].to_pylist() == [*words[0], *words[1]]


def test_a_block_without_an_answer_leaves_nothing_in_arrow(line: Settings, tmp_path: Path) -> None:
    numbers = [1e9] * 5_000 + [1.0]
    source = written(tmp_path / "in.arrow", pa.table({"a": numbers, "b": numbers}))

    scored(line, source, tmp_path / "out", form="arrow")

    assert answers(tmp_path / "out", "ipc")["row"].to_pylist() == [5_000]


@pytest.mark.parametrize(
    ("values", "kind"),
    [([[1]], "list<.*>"), ([{"x": 1}], "struct<.*>")],
    ids=["list", "struct"],
)
def test_keys_that_csv_cannot_hold_are_told_at_the_beginning(
    line: Settings, tmp_path: Path, values: list[Any], kind: str
) -> None:
    source = written(tmp_path / "in.parquet", some_rows(1, key=values))

    with pytest.raises(OperatorError, match=rf"the key 'key' is {kind}, which csv cannot hold"):
        scored(line, source, tmp_path / "out.csv")

    assert not (tmp_path / "out.csv.parts").exists()


@pytest.mark.parametrize("kind", [pa.binary(), pa.binary_view(), pa.string_view()], ids=str)
def test_bytes_and_views_are_text_in_csv(line: Settings, tmp_path: Path, kind: pa.DataType) -> None:
    source = written(tmp_path / "in.arrow", some_rows(1, key=pa.array(["é"]).cast(kind)))

    scored(line, source, tmp_path / "out.csv")

    assert answers(tmp_path / "out.csv", "csv")["key"].to_pylist() == ["é"]


def test_bytes_that_are_no_text_are_told_before_a_part_is_done(
    line: Settings, tmp_path: Path
) -> None:
    source = written(tmp_path / "in.parquet", some_rows(1, key=[b"\xff"]))

    with pytest.raises(OperatorError, match=r"the key 'key' is binary and no UTF-8: .*Fix: "):
        scored(line, source, tmp_path / "out.csv")

    assert scored(line, source, tmp_path / "out.parquet").n_rejected == 0


def test_keys_that_are_no_text_in_csv_are_rejected_with_their_rows(
    line: Settings, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_bytes(b"a,b,key\n1,2,x\n3,4,\xe9\n")

    scored(line, tmp_path / "in.csv", tmp_path / "out")

    reason = "holds bytes that are no UTF-8"
    assert answers(tmp_path / "out")["key"].to_pylist() == ["x"]
    assert rejects(tmp_path / "out") == [
        {"key": None, "row": 1, "feature": "key", "reason": reason}
    ]
