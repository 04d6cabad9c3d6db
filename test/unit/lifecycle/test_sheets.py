from __future__ import annotations

from pathlib import Path

import pytest

from app.lifecycle.datasets import from_csv
from test.unit.lifecycle.csv_files import NUMBERS, Write, refusal


def test_a_byte_order_mark_is_no_part_of_the_first_name(write: Write) -> None:
    assert from_csv(write("\ufeffx,y", *NUMBERS), ["y"]).feature_names == ("x",)


def test_blank_lines_are_no_rows(write: Write) -> None:
    assert len(from_csv(write("\nx,y", *NUMBERS, "", ""), ["y"]).features) == 40


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nobody.csv") == ("cannot be read as CSV: No such file or directory")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"x,y\n\xff,1\n")

    assert "can't decode byte 0xff" in refusal(tmp_path / "table.csv")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "table.csv").write_text(content)

    assert refusal(tmp_path / "table.csv") == "the file is empty"


def test_a_cell_without_end_is_refused(write: Write) -> None:
    message = refusal(write("x,y", *NUMBERS, '"' + "1" * 200_000))

    assert message.startswith("line 42: cannot be read as CSV: field larger than field limit")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("x,z", "there is no column 'y'; there is: x, z"),
        ("x;y", "there is no column 'y'; there is: x;y"),
        ("y,y", "two columns are called 'y'; rename one"),
        ("x,x,y", "two columns are called 'x'; rename one"),
        (",y", "column 1 needs a name of 1 to 200 characters"),
        ("y," + "x" * 201, "column 2 needs a name of 1 to 200 characters"),
    ],
)
def test_a_header_that_names_no_columns_is_refused(write: Write, header: str, message: str) -> None:
    assert refusal(write(header, *NUMBERS)) == message


@pytest.mark.parametrize(("line", "n_cells"), [("1", 1), ("1,2,3", 3)])
def test_a_ragged_line_is_refused(write: Write, line: str, n_cells: int) -> None:
    message = refusal(write("x,y", *NUMBERS[:3], line, *NUMBERS))

    assert message == f"line 5 has {n_cells} cells; 2 are needed"


def test_a_line_is_counted_as_an_editor_counts_it(write: Write) -> None:
    quoted = [f'"a\nb",{line}' for line in NUMBERS]

    message = refusal(write("", "note,x,y", "", *quoted[:3], "c,red,1.5", *quoted))

    assert message.startswith("line 10: x: 'red' is not a number")
