"""The registry on Google's storage API: an emulator on this machine.

It knows no preconditions, so that only one of two can take a number is shown on S3.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.lifecycle.promote import promote
from app.lifecycle.registry import add_version, names, read_folder, read_version, versions
from app.lifecycle.remote import RemoteVersions
from app.lifecycle.retire import retire
from test.unit.lifecycle.test_registry import contract_for


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        # Zonal buckets are asked about through gRPC, which the emulator does not speak.
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        from gcp_storage_emulator.server import create_server  # noqa: PLC0415

        server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="models")
        server.start()
        yield f"http://127.0.0.1:{server._api._httpd.server_address[1]}"
        server.stop()


@pytest.fixture
def registry(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteVersions:
    import fsspec.config  # noqa: PLC0415

    options = {"endpoint_url": address, "token": "anon"}
    monkeypatch.setitem(fsspec.config.conf, "gs", options)
    return RemoteVersions(f"gs://models/{tmp_path.name}", tmp_path / "copies")


def test_versions_go_up_come_down_and_are_promoted(
    registry: RemoteVersions, tmp_path: Path
) -> None:
    for payload in (b"one", b"two"):
        add_version(registry, payload, contract_for(payload))
    shutil.rmtree(tmp_path / "copies")
    retire(tmp_path, registry, "line", "2", "wrong rows")

    promote(tmp_path, registry, "line", stage="dev")

    assert (names(registry), versions(registry, "line")) == (["line"], [1, 2])
    assert read_version(registry, "line", "2").payload == b"two"
    assert read_folder(tmp_path / "dev").payload == b"one"
