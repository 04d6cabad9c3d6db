from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from app.domain.contract import Signature
from app.domain.manifest import with_signature
from app.errors import RegistryError
from app.lifecycle.promote import promote
from app.lifecycle.registry import (
    add_version,
    names,
    read_contract,
    read_version,
    registry_of,
    store_of,
    versions,
)
from app.lifecycle.remote import RemoteVersions
from app.lifecycle.retire import retire
from app.lifecycle.stages import locked
from app.lifecycle.traffic import split_of, start
from test.builders import some_settings
from test.unit.lifecycle.test_registry import add, contract_for

SIGNATURE = Signature(key="0" * 16, value="A" * 86 + "==")


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryFileSystem]:
    """fsspec's store in memory, which all tests of a process share."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield MemoryFileSystem()
    MemoryFileSystem.store.clear()


@pytest.fixture
def registry(tmp_path: Path) -> RemoteVersions:
    return RemoteVersions("memory://models", tmp_path / "copies")


def files(folder: Path) -> set[str]:
    return {str(it.relative_to(folder)) for it in folder.rglob("*") if it.is_file()}


def test_an_empty_store_has_no_models(registry: RemoteVersions) -> None:
    assert names(registry) == []
    assert versions(registry, "line") == []


def test_a_stored_version_comes_back(registry: RemoteVersions) -> None:
    contract, folder = add_version(registry, b"one", contract_for(b"one"))

    stored = read_version(registry, "line", "1")

    assert (stored.contract, stored.payload) == (contract, b"one")
    assert read_contract(registry, "line", "1") == contract
    assert names(registry) == ["line"]
    assert (folder / "model.joblib").read_bytes() == b"one"


def test_another_machine_reads_what_this_one_stored(
    registry: RemoteVersions, tmp_path: Path
) -> None:
    contract = add(registry, b"one")
    other = RemoteVersions(registry.url, tmp_path / "elsewhere")

    assert read_version(other, "line", "1").contract == contract
    assert files(tmp_path / "elsewhere") == {"line/1/model.joblib", "line/1/manifest.json"}


def test_a_good_copy_is_not_fetched_again(
    registry: RemoteVersions, store: MemoryFileSystem
) -> None:
    add(registry, b"one")
    store.rm_file("/models/line/1/model.joblib")

    assert read_version(registry, "line", "1").payload == b"one"


def test_a_damaged_copy_is_replaced(registry: RemoteVersions, tmp_path: Path) -> None:
    add(registry, b"one")
    (tmp_path / "copies/line/1/model.joblib").write_bytes(b"damaged")

    assert read_version(registry, "line", "1").payload == b"one"
    assert (tmp_path / "copies/line/1/model.joblib").read_bytes() == b"one"


def test_a_signature_that_came_later_is_seen(registry: RemoteVersions) -> None:
    add(registry, b"one")
    store = store_of(registry)
    signed = with_signature(store.document("line", "1"), SIGNATURE)

    store.replace_document("line", "1", signed)

    assert read_version(registry, "line", "1").contract.signature == SIGNATURE


@pytest.mark.parametrize("content", [b"other", b"", b"one and more"])
def test_what_is_not_the_file_of_the_contract_leaves_no_copy(
    registry: RemoteVersions, store: MemoryFileSystem, tmp_path: Path, content: bytes
) -> None:
    add(registry, b"one")
    shutil.rmtree(tmp_path / "copies")
    store.pipe_file("/models/line/1/model.joblib", content)

    with pytest.raises(RegistryError, match=r"memory://models/line/1/model\.joblib: is not the"):
        read_version(registry, "line", "1")

    assert list((tmp_path / "copies" / "line").iterdir()) == []


def test_a_download_that_is_cut_off_leaves_no_copy(
    registry: RemoteVersions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(registry, b"one")
    shutil.rmtree(tmp_path / "copies")

    def cut_off(_: Any, __: str, local: str) -> None:
        Path(local).write_bytes(b"on")
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(MemoryFileSystem, "get_file", cut_off)
    with pytest.raises(RegistryError, match=r"memory://models: ConnectionResetError: .* reset"):
        read_version(registry, "line", "1")

    assert list((tmp_path / "copies" / "line").iterdir()) == []


def test_an_upload_that_is_cut_off_is_no_version_and_its_number_is_spent(
    registry: RemoteVersions, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = MemoryFileSystem.pipe_file

    def cut_off(self: Any, path: str, value: bytes, **options: Any) -> None:
        if path.endswith("manifest.json"):
            raise ConnectionResetError(104, "Connection reset by peer")
        whole(self, path, value, **options)

    with monkeypatch.context() as broken:
        broken.setattr(MemoryFileSystem, "pipe_file", cut_off)
        with pytest.raises(RegistryError, match="ConnectionResetError"):
            add(registry, b"one")
    assert versions(registry, "line") == []

    assert add(registry, b"two").version == "2"
    assert versions(registry, "line") == [2]


def test_many_at_once_get_a_version_each(registry: RemoteVersions) -> None:
    start = Barrier(8)

    def add_three() -> None:
        start.wait()
        for _ in range(3):
            add(registry)

    threads = [Thread(target=add_three) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(versions(registry, "line")) == 24


def test_a_claim_that_was_sent_twice_is_still_ones_own(
    registry: RemoteVersions, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = MemoryFileSystem.pipe_file

    def twice(self: Any, path: str, value: bytes, mode: str = "overwrite") -> None:
        once(self, path, value, mode=mode)
        if mode == "create":
            once(self, path, value, mode=mode)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", twice)

    assert add(registry).version == "1"


def test_a_version_is_promoted_and_retired_from_there(
    registry: RemoteVersions, tmp_path: Path
) -> None:
    for payload in (b"one", b"two"):
        add(registry, payload)
    retire(tmp_path, registry, "line", "2", "wrong rows")

    assert promote(tmp_path, registry, "line", stage="dev").contract.version == "1"
    with pytest.raises(RegistryError, match="line 2 is retired already: wrong rows"):
        retire(tmp_path, registry, "line", "2", "again")


def test_no_stage_is_held_while_a_store_is_asked(
    registry: RemoteVersions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = RemoteVersions.noted

    def noted(self: RemoteVersions, *note: str) -> bytes | None:
        with locked(tmp_path / "dev", "ann"):
            return ask(self, *note)

    for payload in (b"one", b"two"):
        add(registry, payload)
    monkeypatch.setattr(RemoteVersions, "noted", noted)

    promote(tmp_path, registry, "line", "1", stage="dev")
    split = split_of("line", "2", mode="shadow", share=1.0)
    assert start(tmp_path, registry, split, stage="dev").changed


def test_a_version_that_is_not_there_is_refused(registry: RemoteVersions) -> None:
    add(registry)

    with pytest.raises(RegistryError, match="line has no version '2'; there is: 1"):
        read_version(registry, "line", "2")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense://bucket", "nonsense://bucket: ValueError: Protocol not known: nonsense"),
        ("sftp://ann:secret@127.0.0.1/x", r"sftp://\*\*\*@127.0.0.1/x: .*Fix: make setup-pipeline"),
    ],
)
def test_a_place_that_cannot_be_used_is_told_without_a_password(
    tmp_path: Path, url: str, message: str
) -> None:
    with pytest.raises(RegistryError, match=message) as told:
        names(RemoteVersions(url, tmp_path))

    assert "secret" not in str(told.value)


def test_copies_that_cannot_be_written_are_told(registry: RemoteVersions, tmp_path: Path) -> None:
    (tmp_path / "copies").write_text("in the way")

    with pytest.raises(RegistryError, match="copies/line: cannot be written"):
        add(registry)


def test_the_settings_may_name_a_folder_or_a_url(tmp_path: Path) -> None:
    by_default = some_settings(tmp_path)
    elsewhere = some_settings(tmp_path, {"GATEHOUSE_MODEL__REGISTRY_PATH": "s3://bucket/models/"})

    remote = registry_of(elsewhere)

    assert registry_of(by_default) == tmp_path / "model/registry"
    assert isinstance(remote, RemoteVersions)
    assert remote.url == "s3://bucket/models"
    assert remote.copies.parent == tmp_path / "runtime" / "registry"


@pytest.mark.parametrize("scheme", ["file", "local"])
def test_folders_are_made_where_a_store_has_them(tmp_path: Path, scheme: str) -> None:
    registry = RemoteVersions(f"{scheme}://{tmp_path}/not/yet", tmp_path / "copies")

    contract = add(registry, b"one")
    add(registry, b"two")

    assert versions(registry, "line") == [1, 2]
    assert read_version(registry, "line", "1").contract == contract


def test_a_contract_that_is_cut_off_in_a_folder_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = RemoteVersions(f"file://{tmp_path}/models", tmp_path / "copies")
    add(registry, b"one")
    store = store_of(registry)
    document = store.document("line", "1")
    whole = LocalFileSystem.pipe_file

    def cut_off(self: Any, path: str, value: bytes, **options: Any) -> None:
        if not path.endswith("manifest.json"):
            whole(self, path, value, **options)
            return
        whole(self, path, value[:-9], **options)
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(LocalFileSystem, "pipe_file", cut_off)
    with pytest.raises(RegistryError, match="ConnectionResetError"):
        store.replace_document("line", "1", with_signature(document, SIGNATURE))
    with pytest.raises(RegistryError, match="ConnectionResetError"):
        add(registry, b"two")

    assert store.document("line", "1") == document
    assert versions(registry, "line") == [1]


@pytest.mark.parametrize("password", ["pa@ss", "a@b@c", "p w@d"])
def test_no_part_of_a_password_is_shown(tmp_path: Path, password: str) -> None:
    registry = RemoteVersions(f"nowhere://ann:{password}@host/models", tmp_path / "copies")

    with pytest.raises(RegistryError) as caught:
        versions(registry, "line")

    assert str(caught.value).startswith("nowhere://***@host/models: ")
    assert registry.location("line", "1") == "nowhere://***@host/models/line/1"
