"""Opens a store by its URL, and sees to it that one that keeps silent is given up."""

from __future__ import annotations

from typing import Any, Final

from fsspec.config import conf
from fsspec.core import url_to_fs

_S3: Final = ("s3", "s3a")
_TRIES: Final = 2
_PATIENCE: Final = {  # seconds; s3fs tries again by itself, and each time botocore would too
    "connect_timeout": 5,
    "read_timeout": 10,
    "retries": {"total_max_attempts": 1},
}


def patient_store(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for *url*, and the path in it.

    S3 fails within half a minute, where fsspec's own configuration says nothing else.
    """
    if url.partition("://")[0] not in _S3:
        store, root = url_to_fs(url, use_listings_cache=False)
        return store, root
    own = {
        key: it for name in _S3 for key, it in conf.get(name, {}).get("config_kwargs", {}).items()
    }
    store, root = url_to_fs(url, use_listings_cache=False, config_kwargs=_PATIENCE | own)
    store.retries = _TRIES
    return store, root
