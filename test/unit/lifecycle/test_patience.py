from __future__ import annotations

import socket
from pathlib import Path

import pytest
from fsspec.config import conf

from app.errors import RegistryError
from app.lifecycle.registry import versions
from app.lifecycle.remote import RemoteVersions


def test_a_store_that_keeps_silent_is_given_up_after_two_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"endpoint_url": url, "key": "ann", "secret": "x"}
        monkeypatch.setitem(conf, "s3", {**settings, "config_kwargs": {"read_timeout": 0.2}})

        with pytest.raises(RegistryError, match=f"s3://bucket: ReadTimeoutError: .*{url}/bucket"):
            versions(RemoteVersions("s3://bucket", tmp_path), "line")

        silent.settimeout(0)
        for _ in range(2):
            silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
