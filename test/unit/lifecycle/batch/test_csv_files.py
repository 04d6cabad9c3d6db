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


def read(path: Path, text: str | bytes, *columns: str) -> tuple[list[Block], int]:
    """Return the blocks of *text*, and how many rows were counted before."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
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


@pytest.mark.parametrize(
    ("end", "reason"), [("\n", "a quote is opened"), ("", "no line ends")], ids=["quote", "line"]
)
def test_a_long_record_without_an_end_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, reason: str
) -> None:
    looked_at: list[int] = []
    last_end = csv_files._last_end

    def counting(data: bytes, *rest: bool) -> int:
        looked_at.append(len(data))
        return last_end(data, *rest)

    monkeypatch.setattr(csv_files, "_EXTENT_BYTES", 2**10)
    monkeypatch.setattr(csv_files, "_LONGEST_RECORD_BYTES", 2**16)
    monkeypatch.setattr(csv_files, "_last_end", counting)

    with pytest.raises(OperatorError, match=rf"a.csv: {reason}.*, after byte 4\. Fix"):
        read(tmp_path / "a.csv", 'a,b\n1,"' + f"2{end}" * 2**17 if end else "a,b\n" + "2" * 2**17)

    assert sum(looked_at) <= 2**16 + 2**11


def test_a_name_may_have_lines(tmp_path: Path) -> None:
    [block], _ = read(tmp_path / "a.csv", 'a,"b\n""c""\n"\n1,2\n')

    assert block.batch.to_pylist() == [{"a": "1", 'b\n"c"\n': "2"}]


@pytest.mark.parametrize(
    "content",
    [b"a,b\r1,2\r", "é,b\n1,2\n".encode("latin-1"), "a,b\n1,2\n".encode("utf-16")],
    ids=["cr", "latin-1", "utf-16"],
)
def test_names_that_cannot_be_read_are_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(OperatorError, match=r"a.csv: its first line cannot be read as names"):
        read(tmp_path / "a.csv", content)


def test_rows_with_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    text = b"a,word,other\n1,\xc3\xa9,\xe9\n2,\xe9t\xe9,o\n\xff3,x,o\n\xe9\n5,y,o\n"

    [block], n_counted = read(tmp_path / "a.csv", text, "a", "word")

    assert block.rows.tolist() == [0, 1, 2, 4]
    assert block.unreadable == [(3, None, "has 1 cells; 3 are needed")]
    assert block.faults == [
        (1, "word", "holds bytes that are no UTF-8"), (2, "a", "holds bytes that are no UTF-8"),
    ]  # fmt: skip
    assert block.batch.column("word").to_pylist() == ["é", None, "x", "y"]
    assert block.batch.column("a").to_pylist() == [1.0, 2.0, None, 5.0]
    assert n_counted == 5


def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "") == ([], 0)
