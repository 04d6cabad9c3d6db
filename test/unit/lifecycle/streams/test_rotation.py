from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.lifecycle.streams.rotation import Identity, Next, identity, name_by_now, next_file


def written(folder: Path, *names: str, apart_ns: int = 1_000_000) -> list[Identity]:
    """Write files one after the other, and return what names them."""
    for place, name in enumerate(names, 1):
        (folder / name).write_bytes(b"{}\n")
        os.utime(folder / name, ns=(0, place * apart_ns))
    return [identity((folder / name).stat()) for name in names]


def after(folder: Path, read: Identity | None, modified_ns: int) -> Next | None:
    return next_file(folder / "in", read, modified_ns)


CHAINS = {
    "counted": ("in.3", "in.2", "in.1", "in"),
    "counted to eleven": (*(f"in.{it}" for it in range(11, 0, -1)), "in"),
    "dated": ("in-20240131", "in-20240201", "in-20240201-1706783400", "in"),
    "by the hour": ("in.2024-01-31_22", "in.2024-01-31_23", "in.2024-02-01_00", "in"),
}


@pytest.mark.parametrize("apart_ns", [1, 0], ids=["one after the other", "at one time"])
@pytest.mark.parametrize("names", [pytest.param(it, id=name) for name, it in CHAINS.items()])
def test_files_follow_each_other_up_to_the_newest(
    tmp_path: Path, names: tuple[str, ...], apart_ns: int
) -> None:
    files = written(tmp_path, *names, apart_ns=apart_ns)

    found = [after(tmp_path, it, place * apart_ns) for place, it in enumerate(files, 1)]

    expected = zip(names[1:], files[1:], strict=True)
    assert found == [*(Next(tmp_path / name, it, ()) for name, it in expected), None]


def test_files_that_are_counted_upwards_follow_by_their_times(tmp_path: Path) -> None:
    first, second, _ = written(tmp_path, "in.1", "in.2", "in")

    assert after(tmp_path, first, 1_000_000) == Next(tmp_path / "in.2", second, ())


def test_after_a_file_that_is_gone_comes_the_oldest_that_was_written_later(tmp_path: Path) -> None:
    _, _, second, _ = written(tmp_path, "in.3", "in.2", "in.1", "in")

    assert after(tmp_path, None, 2_500_000) == Next(tmp_path / "in.1", second, ())


def test_before_any_was_read_comes_the_newest(tmp_path: Path) -> None:
    _, newest = written(tmp_path, "in.1", "in")

    assert after(tmp_path, None, sys.maxsize) == Next(tmp_path / "in", newest, ())


def test_the_newest_comes_whenever_it_was_written(tmp_path: Path) -> None:
    newest, read = written(tmp_path, "in", "in.1")

    assert after(tmp_path, read, 2_000_000) == Next(tmp_path / "in", newest, ())


@pytest.mark.parametrize("name", ["in.old", "in.checkpoint.json", "in2", "inn.1", "other.1"])
def test_what_is_called_otherwise_is_another_thing(tmp_path: Path, name: str) -> None:
    read, _ = written(tmp_path, "in.1", name)

    assert after(tmp_path, read, 1_000_000) is None


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    [read] = written(tmp_path, "in.2")
    (tmp_path / "in.1").mkdir()

    assert after(tmp_path, read, 0) is None


def test_a_compressed_file_is_passed_over_and_named(tmp_path: Path) -> None:
    read, _, _, newest = written(tmp_path, "in.3", "in.2.gz", "in.1.zst", "in")

    found = after(tmp_path, read, 1_000_000)

    assert found == Next(tmp_path / "in", newest, ("in.1.zst", "in.2.gz"))


def test_what_was_compressed_before_is_not_named(tmp_path: Path) -> None:
    _, newest = written(tmp_path, "in.1.gz", "in")

    assert after(tmp_path, None, 1_000_000) == Next(tmp_path / "in", newest, ())


def test_a_file_that_is_compressed_just_now_is_read(tmp_path: Path) -> None:
    read, plain, _ = written(tmp_path, "in.2", "in.1", "in.1.gz")

    assert after(tmp_path, read, 1_000_000) == Next(tmp_path / "in.1", plain, ())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    read, newest = written(tmp_path, "in.3", "in")

    assert after(tmp_path, read, 1_000_000) == Next(tmp_path / "in", newest, ("in.2", "in.1"))


def test_a_file_is_found_under_any_name_that_begins_as_it_did(tmp_path: Path) -> None:
    read, _ = written(tmp_path, "in.old", "in")

    assert name_by_now(tmp_path / "in", read[1]) == tmp_path / "in.old"
    assert name_by_now(tmp_path / "x", read[1]) is None


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert next_file(tmp_path / "x" / "in", None, 0) is None
