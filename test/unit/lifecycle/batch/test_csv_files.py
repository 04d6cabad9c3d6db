from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from app.errors import OperatorError
from app.lifecycle.batch import csv_files
from app.lifecycle.batch.extents import Block, Wanted
from app.lifecycle.batch.inputs import find_inputs

CELLS = ["1", " 2.5 ", "-3e2", "", "nan", 'a "b"', "x\ny", "x,y", "é"]


def read(path: Path, text: str, *columns: str) -> tuple[list[Block], int]:
    """Return the blocks of *text*, and how many rows were counted before."""
    path.write_bytes(text.encode())
    [file] = find_inputs(str(path))
    layout = csv_files.layout(file)
    numbers = {name: "float" for name in columns if name in "ab"}
    wanted = Wanted(columns or layout.schema.names, 0, layout.schema.names, numbers)
    n_rows = sum(extent.n_rows for extent in layout.extents)
    return [*csv_files.read(file, layout.extents, wanted)], n_rows


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_long_file_is_cut_between_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(csv_files, "_EXTENT_BYTES", 100)
    rows = [[cell, str(number)] for number in range(30) for cell in CELLS]
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([["word", "n"], *rows])

    blocks, n_counted = read(tmp_path / "a.csv", text.getvalue())

    found = [row for block in blocks for row in block.batch.to_pylist()]
    places = [row for block in blocks for row in block.rows.tolist()]
    assert len(blocks) > 10
    assert [[it["word"] or "", it["n"]] for it in found] == rows
    assert places == [*range(len(rows))]
    assert n_counted == len(rows)


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n\n3,4", "\ufeffa,b\r\n1,2\r\n\r\n\r\n3,4\r\n\r\n", 'a,"b"\n\n1,"2"\n"3",4\n'],
    ids=["no-end", "windows", "quoted"],
)
def test_blank_lines_and_marks_are_no_rows(tmp_path: Path, text: str) -> None:
    blocks, n_counted = read(tmp_path / "a.csv", text, "a", "b")

    found = [row for block in blocks for row in block.batch.to_pylist()]
    assert found == [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]
    assert n_counted == 2


def test_ragged_rows_and_cells_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    text = "a,b,key\n1,2,p\n1,2\nx,y,q\n NA ,1e3,r\n1,2,3,4\n"

    [block], n_counted = read(tmp_path / "a.csv", text, "a", "b", "key")

    assert block.rows.tolist() == [0, 2, 3]
    assert block.unreadable == [
        (1, None, "has 2 cells; 3 are needed"), (4, None, "has 4 cells; 3 are needed"),
    ]  # fmt: skip
    assert block.faults == [(1, "a", "must be a number, not 'x'")]
    assert block.batch.column("b").to_pylist() == [2.0, None, 1000.0]
    assert n_counted == 5


@pytest.mark.parametrize(
    "text", ['a,b\n1,"2\n3,4\n', 'a,b\n1,5" pipe\n3,5" pipe\n'], ids=["open", "inches"]
)
def test_quotes_that_do_not_close_are_never_guessed_at(tmp_path: Path, text: str) -> None:
    with pytest.raises(OperatorError, match=r"a.csv: (a quote is opened|cannot be told row from)"):
        read(tmp_path / "a.csv", text)


def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "") == ([], 0)
