from __future__ import annotations

import stat
from pathlib import Path
from threading import Barrier, Thread

import pytest

from app.files import create_once, write_atomically


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_written_file_holds_the_content(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"content")

    assert (tmp_path / "file").read_bytes() == b"content"


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "file", b"content")

    assert (tmp_path / "a" / "b" / "file").exists()


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a much longer older content")

    write_atomically(tmp_path / "file", b"new")

    assert (tmp_path / "file").read_bytes() == b"new"


def test_whoever_has_the_old_file_open_reads_it_to_its_end(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old")

    with (tmp_path / "file").open("rb") as old:
        write_atomically(tmp_path / "file", b"new")
        assert old.read() == b"old"


@pytest.mark.parametrize(("wanted", "found"), [({}, 0o644), ({"mode": 0o600}, 0o600)])
def test_a_written_file_has_the_mode_asked_for(
    tmp_path: Path, wanted: dict[str, int], found: int
) -> None:
    write_atomically(tmp_path / "file", b"content", **wanted)

    assert mode(tmp_path / "file") == found


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "file", b"content")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_content_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")

    with pytest.raises(TypeError):
        write_atomically(tmp_path / "file", "no bytes")  # type: ignore[arg-type]

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_file_is_created_for_its_owner_alone(tmp_path: Path) -> None:
    assert create_once(tmp_path / "private" / "file", b"first") == b"first"

    assert mode(tmp_path / "private" / "file") == 0o600
    assert mode(tmp_path / "private") == 0o700


def test_a_second_creation_returns_what_is_there(tmp_path: Path) -> None:
    create_once(tmp_path / "file", b"first")

    assert create_once(tmp_path / "file", b"second") == b"first"


def test_a_creation_leaves_no_other_file(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        create_once(tmp_path / "file", content)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_all_who_create_at_once_get_one_content(tmp_path: Path) -> None:
    start, answers = Barrier(8), []

    def create(name: int) -> None:
        start.wait()
        answers.append(create_once(tmp_path / "file", str(name).encode()))

    threads = [Thread(target=create, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) == {(tmp_path / "file").read_bytes()}
    assert len(answers) == 8
