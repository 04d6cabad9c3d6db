"""The registry on a real S3 API: moto's server on this machine."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import boto3
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from app.domain.contract import Contract
from app.errors import RegistryError
from app.lifecycle.promote import promote
from app.lifecycle.registry import add_version, names, read_folder, read_version, versions
from app.lifecycle.remote import RemoteVersions
from app.lifecycle.retire import retire
from test.integration.cutting_proxy import cutting_proxy
from test.unit.lifecycle.test_registry import contract_for

LARGE = random.Random(1).randbytes(1_000_000)  # noqa: S311  any bytes do


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    yield moto.get_host_and_port()
    moto.stop()


@pytest.fixture
def registry(
    server: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RemoteVersions:
    """A bucket of this test's own."""
    address = f"http://{server[0]}:{server[1]}"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = tmp_path.name.replace("_", "-").lower().strip("-") + "-bucket"
    client = boto3.client("s3", endpoint_url=address)
    client.create_bucket(Bucket=bucket)
    client.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    S3FileSystem.clear_instance_cache()
    return RemoteVersions(f"s3://{bucket}/models", tmp_path / "copies")


def add(registry: RemoteVersions, payload: bytes) -> Contract:
    return add_version(registry, payload, contract_for(payload))[0]


def test_a_version_goes_up_and_comes_down_byte_by_byte(
    registry: RemoteVersions, tmp_path: Path
) -> None:
    contract = add(registry, LARGE)
    shutil.rmtree(tmp_path / "copies")

    stored = read_version(registry, "line", "1")

    assert (stored.contract, stored.payload) == (contract, LARGE)
    assert (names(registry), versions(registry, "line")) == (["line"], [1])


def test_many_at_once_get_a_version_each(registry: RemoteVersions) -> None:
    start, failed = Barrier(4), []

    def add_three() -> None:
        start.wait()
        for number in range(3):
            try:
                add(registry, b"%d" % number)
            except RegistryError as error:
                failed.append(error)

    threads = [Thread(target=add_three) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(versions(registry, "line")) == 12


def test_it_is_promoted_retired_and_refused_from_there(
    registry: RemoteVersions, tmp_path: Path
) -> None:
    for payload in (b"one", b"two"):
        add(registry, payload)
    promote(tmp_path, registry, "line", "1", stage="dev")
    retire(tmp_path, registry, "line", "2", "wrong rows")

    with pytest.raises(RegistryError, match="line 2 is retired and cannot be promoted"):
        promote(tmp_path, registry, "line", "2", stage="dev")

    assert read_folder(tmp_path / "dev").payload == b"one"


def test_a_download_that_is_cut_off_leaves_nothing_and_works_the_next_time(
    registry: RemoteVersions,
    server: tuple[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(registry, LARGE)
    shutil.rmtree(tmp_path / "copies")

    with monkeypatch.context() as broken, cutting_proxy(server, most_bytes=200_000) as address:
        broken.setenv("AWS_ENDPOINT_URL", address)
        broken.setattr(S3FileSystem, "retries", 1)
        S3FileSystem.clear_instance_cache()  # they hold connections to the address before
        with pytest.raises(RegistryError, match=r"s3://.*/models: "):
            promote(tmp_path, registry, "line", "1", stage="dev")

    S3FileSystem.clear_instance_cache()
    assert [it for it in tmp_path.rglob("*") if it.is_file()] == []
    assert read_version(registry, "line", "1").payload == LARGE


@pytest.mark.usefixtures("registry")
def test_a_bucket_that_is_not_there_is_named(tmp_path: Path) -> None:
    nowhere = RemoteVersions("s3://no-such-bucket/models", tmp_path)

    with pytest.raises(RegistryError, match=r"s3://no-such-bucket/models: .*bucket does not exist"):
        add(nowhere, b"one")


def test_a_store_that_does_not_answer_is_told(
    registry: RemoteVersions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(S3FileSystem, "retries", 1)
    S3FileSystem.clear_instance_cache()

    with pytest.raises(RegistryError, match=r"s3://.*/models: .*127\.0\.0\.1:9"):
        versions(registry, "line")
