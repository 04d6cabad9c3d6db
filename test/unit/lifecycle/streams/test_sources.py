from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app.errors import StreamError
from app.lifecycle.streams.checkpoint import Place
from app.lifecycle.streams.sources import FileLines


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.lifecycle.streams.sources._GRACE_SECONDS", 0.0)
    monkeypatch.setattr("app.lifecycle.streams.sources.LOOK_SECONDS", 0.0)


class Reader:
    """Reads ``in`` of a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "in"
        self.place: Place | None = None
        self.start()

    def start(self, *, follow: bool = True) -> None:
        self.lines = FileLines(self.path, self.place, follow=follow, max_line_bytes=9_000)

    def read(self, most: int = 100) -> list[str]:
        """Return so many lines, or as many as there are after some looks."""
        found: list[str] = []
        for _ in range(20):
            lines = self.lines.take(most - len(found))
            found += [f"{it.text.decode()} {it.number} {it.offset}" for it in lines]
            if lines and lines[-1].is_ended:
                self.place = self.lines.place_after(lines[-1])
            if len(found) == most or self.lines.is_over:
                break
        return found

    def write(self, *lines: str) -> None:
        with self.path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def rotate(self) -> None:
        """Rename every file, the oldest first."""
        for count in range(8, 0, -1):
            old = self.path.with_name(f"in.{count}")
            if old.exists():
                old.rename(old.with_name(f"in.{count + 1}"))
        self.path.rename(self.path.with_name("in.1"))


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_files_that_were_rotated_while_nobody_read_are_read_in_their_order(reader: Reader) -> None:
    reader.write("a0")
    first = reader.read()
    reader.write("a1")
    for name in ("b", "c", "d"):
        reader.rotate()
        reader.write(f"{name}0", f"{name}1")

    reader.start()

    assert first == ["a0 1 0"]
    assert reader.read() == [
        "a1 2 3",
        *("b0 1 0", "b1 2 3"),
        *("c0 1 0", "c1 2 3"),
        *("d0 1 0", "d1 2 3"),
    ]


def test_files_that_were_rotated_between_two_looks_are_read(reader: Reader) -> None:
    reader.write("a0")
    first = reader.read()
    for name in ("b", "c"):
        reader.rotate()
        reader.write(f"{name}0")

    assert (first, reader.read()) == (["a0 1 0"], ["b0 1 0", "c0 1 0"])


def test_a_rotated_file_is_read_before_the_next_one_is_there(reader: Reader) -> None:
    reader.write("a0")
    reader.read()
    reader.rotate()
    reader.write("b0")
    reader.rotate()

    found = reader.read()
    reader.write("c0")

    assert (found, reader.read()) == (["b0 1 0"], ["c0 1 0"])


def test_reading_stops_and_goes_on_within_a_rotated_file(reader: Reader) -> None:
    reader.write("a0")
    reader.read()
    for name in ("b", "c"):
        reader.rotate()
        reader.write(f"{name}0", f"{name}1")
    first = reader.read(1)

    reader.start()

    assert (first, reader.read()) == (["b0 1 0"], ["b1 2 3", "c0 1 0", "c1 2 3"])


def test_what_follows_a_file_that_was_removed_is_read(reader: Reader) -> None:
    reader.write("old")
    os.utime(reader.path, ns=(0, 0))
    reader.rotate()
    reader.write("a0")
    reader.read()
    for name in ("b", "c"):
        reader.rotate()
        reader.write(f"{name}0")
    reader.path.with_name("in.2").unlink()

    reader.start()

    assert reader.read() == ["b0 1 0", "c0 1 0"]


def test_files_that_cannot_be_read_are_told_of(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    reader.write("a0")
    reader.read()
    for name in ("b", "c"):
        reader.rotate()
        reader.write(f"{name}0")
    reader.path.with_name("in.1").unlink()

    found = reader.read()

    [told] = [it for it in caplog.records if it.levelname == "WARNING"]
    assert told.getMessage() == "rotated files are compressed or missing, and were not read"
    assert told.__dict__["unread"] == ("in.1",)
    assert found == ["c0 1 0"]


def test_what_was_copied_and_cut_off_while_nobody_read_goes_on_in_the_copy(reader: Reader) -> None:
    reader.write("a0")
    reader.read()
    reader.write("a1")
    shutil.copyfile(reader.path, reader.path.with_name("in.1"))
    os.truncate(reader.path, 0)
    reader.write("b0")

    reader.start()

    assert reader.read() == ["a1 2 3", "b0 1 0"]


@pytest.mark.parametrize("longest", [4, 4_000], ids=["short lines", "long lines"])
def test_a_file_that_was_written_anew_and_longer_between_two_looks_is_read_from_its_start(
    reader: Reader, longest: int
) -> None:
    reader.write("a" * longest, "a1")
    reader.read()
    reader.path.write_text("")
    reader.write("b" * longest * 2, "b1", "b2")

    found = reader.read()

    assert found[0] == f"{'b' * longest * 2} 1 0"
    assert [it.split()[:2] for it in found[1:]] == [["b1", "2"], ["b2", "3"]]


def test_a_place_is_that_of_the_bytes_that_were_read(reader: Reader) -> None:
    reader.write("a0", "a1")
    [line] = reader.lines.take(1) or reader.lines.take(1)
    reader.path.write_text("b0\nb1\nb2\n")  # before what was read is done with

    reader.place = reader.lines.place_after(line)
    reader.start()

    assert reader.read() == ["b0 1 0", "b1 2 3", "b2 3 6"]


def test_a_file_that_is_cut_off_while_it_is_read_to_its_end_is_refused(reader: Reader) -> None:
    reader.write("a0", "a1")
    reader.start(follow=False)
    reader.lines.take(100)
    os.truncate(reader.path, 3)

    with pytest.raises(StreamError, match="was cut off while it was read"):
        reader.lines.take(100)


def test_a_line_that_comes_late_into_a_rotated_file_hides_no_other_file(reader: Reader) -> None:
    reader.write("a0")
    assert reader.read() == ["a0 1 0"]

    reader.rotate()
    reader.write("b0")
    reader.rotate()
    late = reader.path.with_name("in.2")
    with late.open("a") as file:
        file.write("a1\n")
    os.utime(late, ns=(0, reader.path.with_name("in.1").stat().st_mtime_ns + 1_000_000))
    reader.write("c0")

    assert reader.read() == ["a1 2 3", "b0 1 0", "c0 1 0"]


def test_a_line_that_comes_late_into_a_file_that_was_read_is_read_alone(reader: Reader) -> None:
    reader.write("a0", "a1")
    assert reader.read() == ["a0 1 0", "a1 2 3"]
    reader.rotate()
    reader.write("b0")
    assert reader.read() == ["b0 1 0"]

    with reader.path.with_name("in.1").open("a") as file:
        file.write("a2\n")
    os.utime(file.name, ns=(0, reader.path.stat().st_mtime_ns + 1_000_000))
    reader.rotate()
    reader.write("c0")

    assert reader.read() == ["a2 3 6", "c0 1 0"]


def test_a_file_that_begins_as_one_that_is_gone_is_no_copy_of_it(reader: Reader) -> None:
    reader.write("a")
    assert reader.read() == ["a 1 0"]
    reader.path.rename(reader.path.with_name("away"))

    reader.path.with_name("in.1").write_text("a\nb\n")
    reader.start()

    assert reader.read() == ["a 1 0", "b 2 2"]
