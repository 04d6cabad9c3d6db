from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.errors import RecordsError
from app.lifecycle.csv_records import CsvRecords
from app.lifecycle.records import Chunk


def a_file(folder: Path, content: str | bytes) -> CsvRecords:
    path = folder / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CsvRecords(path)


def only(source: CsvRecords) -> Chunk:
    [chunk] = source.chunks()
    return chunk


def test_rows_know_their_number_and_line(tmp_path: Path) -> None:
    chunk = only(a_file(tmp_path, '\ufeffa,b\r\n1,2\r\n\r\n"x\ny",3\r\n4,5'))

    assert chunk.columns == {"a": ["1", "x\ny", "4"], "b": ["2", "3", "5"]}
    assert (list(chunk.rows), list(chunk.lines)) == ([1, 2, 3], [2, 4, 6])


def test_a_ragged_row_and_one_with_wrong_quotes_are_kept_as_broken(tmp_path: Path) -> None:
    chunk = only(a_file(tmp_path, 'a,b\n1\n"x"y,2\n1,2,3\n7,8\n'))

    assert chunk.columns == {"a": ["7"], "b": ["8"]}
    assert [(it.row, it.line, it.reasons, it.values) for it in chunk.broken] == [
        (1, 2, ["has 1 cells, and the header 2"], ["1"]),
        (2, 3, ["cannot be read as CSV: ',' expected after '\"'"], ['"x"y,2\n']),
        (3, 4, ["has 3 cells, and the header 2"], ["1", "2", "3"]),
    ]
    assert list(chunk.rows) == [4]


def test_bytes_that_are_no_utf8_break_their_row_alone(tmp_path: Path) -> None:
    chunk = only(a_file(tmp_path, b"a\n\xe9t\xe9\n\xc3\xa9t\xc3\xa9\n"))

    assert chunk.columns == {"a": ["été"]}
    [broken] = chunk.broken
    assert (broken.reasons, broken.values) == (["holds bytes that are no UTF-8"], ["\\xe9t\\xe9"])


def test_many_rows_come_in_pieces_whose_sizes_are_that_of_the_file(tmp_path: Path) -> None:
    source = a_file(tmp_path, "a\n" + "1\n" * 120_000)
    chunks = list(source.chunks())

    assert [len(it.rows) for it in chunks] == [50_000, 50_000, 20_000]
    assert chunks[1].rows[0] == 50_001
    assert sum(it.size for it in chunks) == source.total


def test_a_header_alone_gives_its_columns(tmp_path: Path) -> None:
    assert only(a_file(tmp_path, "a,b\n")).columns == {"a": [], "b": []}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ('a,b\n1,2\n"open,3\n4,5\n', "line 3: cannot be read as CSV: unexpected end of data"),
        (b"\xff\xfea\x00", "the header holds bytes that are no UTF-8"),
    ],
    ids=["empty", "twice", "open quote", "UTF-16"],
)
def test_a_file_that_is_no_table_is_an_operators_mistake(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    source = a_file(tmp_path, content)

    with pytest.raises(RecordsError) as refused:
        list(source.chunks())

    assert str(refused.value).startswith(f"{source.path}: {said}")


def test_a_file_that_is_not_there_is_an_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="cannot be read: No such file"):
        CsvRecords(tmp_path / "no.csv").content_sha256()


def test_a_pipe_is_an_operators_mistake(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(RecordsError, match="is a pipe"):
        CsvRecords(tmp_path / "pipe.csv").content_sha256()


def test_the_batch_id_follows_the_content_and_not_the_name(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    one, same, other = a_file(first, "a\n1\n"), a_file(second, "a\n1\n"), a_file(tmp_path, "a\n2\n")

    assert one.default_batch_id(None) == same.default_batch_id(same.content_sha256())
    assert one.default_batch_id(None) != other.default_batch_id(None)
