from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from threading import Barrier, Thread

import pytest

from app.domain.contract import Contract
from app.errors import RegistryError
from app.lifecycle.registry import (
    Registry,
    add_version,
    checked_name,
    read_contract,
    read_folder,
    read_version,
    versions,
)
from test.builders import a_contract


def contract_for(payload: bytes, name: str = "line") -> Contract:
    artefact = {"size_bytes": len(payload), "sha256": sha256(payload).hexdigest()}
    return a_contract(name=name, artefact=artefact)


def add(registry: Registry, payload: bytes = b"model") -> Contract:
    return add_version(registry, payload, contract_for(payload))[0]


def test_a_model_that_nobody_stored_has_no_versions(tmp_path: Path) -> None:
    assert versions(tmp_path, "line") == []


def test_versions_count_up(tmp_path: Path) -> None:
    assert [add(tmp_path).version for _ in range(11)] == [str(n) for n in range(1, 12)]


def test_versions_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    for name in ("10", "9", "x", ".new-1", "01"):
        (tmp_path / "line" / name).mkdir(parents=True)

    assert versions(tmp_path, "line") == [9, 10]


def test_a_removed_version_is_not_counted_again(tmp_path: Path) -> None:
    (tmp_path / "line" / "7").mkdir(parents=True)

    assert add(tmp_path).version == "8"


def test_a_stored_version_comes_back(tmp_path: Path) -> None:
    contract = add(tmp_path, b"one")

    stored = read_version(tmp_path, "line", "1")

    assert (stored.contract, stored.payload) == (contract, b"one")
    assert stored.document == (tmp_path / "line/1/manifest.json").read_bytes()


def test_a_version_is_a_folder_of_two_files(tmp_path: Path) -> None:
    _, folder = add_version(tmp_path, b"model", contract_for(b"model"))

    assert folder == tmp_path / "line" / "1"
    assert {file.name for file in folder.iterdir()} == {"model.joblib", "manifest.json"}


def test_a_later_version_leaves_an_earlier_one_alone(tmp_path: Path) -> None:
    add(tmp_path, b"one")
    add(tmp_path, b"two")

    assert read_version(tmp_path, "line", "1").payload == b"one"


def test_many_at_once_get_a_version_each(tmp_path: Path) -> None:
    start = Barrier(8)

    def add_three() -> None:
        start.wait()
        for _ in range(3):
            add(tmp_path)

    threads = [Thread(target=add_three) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert versions(tmp_path, "line") == list(range(1, 25))
    assert len(list((tmp_path / "line").iterdir())) == 24


@pytest.mark.parametrize("version", ["2", "0", "-1", "x", "", "1.0", "../1", "1/../1", "01"])
def test_an_unknown_version_is_refused(tmp_path: Path, version: str) -> None:
    add(tmp_path)

    with pytest.raises(RegistryError, match=r"line has no version .+; there is: 1"):
        read_version(tmp_path, "line", version)


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="line has no version '1'; there is: none"):
        read_version(tmp_path, "line", "1")


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "a.b", "dev", "staging", "production"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match="is no model name"):
        checked_name(name)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.joblib", b"other", "is not the file that its contract names"),
        ("manifest.json", b"{}", "manifest.json: is no contract"),
        ("manifest.json", b"\xff", "manifest.json: is no contract"),
        ("model.joblib", None, "model.joblib: No such file"),
        ("manifest.json", None, "manifest.json: No such file"),
    ],
)
def test_a_damaged_version_is_refused(
    tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    _, folder = add_version(tmp_path, b"model", contract_for(b"model"))
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)

    with pytest.raises(RegistryError, match=message):
        read_folder(folder)


@pytest.mark.parametrize("place", ["line/2", "other/1"])
def test_a_version_in_the_place_of_another_is_refused(tmp_path: Path, place: str) -> None:
    add(tmp_path)
    shutil.copytree(tmp_path / "line/1", tmp_path / place)
    name, version = place.split("/")

    for read in (read_version, read_contract):
        with pytest.raises(RegistryError, match=f"{place}/manifest.json: is the contract of line"):
            read(tmp_path, name, version)


def test_a_registry_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("in the way")

    with pytest.raises(RegistryError, match="registry/line: cannot be written"):
        add(tmp_path / "registry")
