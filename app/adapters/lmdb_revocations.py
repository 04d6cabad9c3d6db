"""Revocations in LMDB: shared by the workers of one machine, flushed to the disk."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import lmdb

from app.adapters.lmdb_file import opened
from app.adapters.revocations import changes, decoded, encoded
from app.domain.revocation import Revocation

MAP_BYTES: Final = 1024 * 1024 * 1024  # the file grows as it is needed
_GENERATION: Final = b"generation"


class LmdbRevocations:
    """Fulfils ``RevocationStore``."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path.absolute()
        self._now = now

    def add(self, revocations: Sequence[Revocation]) -> None:
        """Keep *revocations*, and forget what can be forgotten."""
        with self._begin(write=True) as txn:
            written, over = changes(_kept(txn), revocations, self._now())
            for name in over:
                txn.delete(name)
            for name, revocation in written.items():
                txn.put(name, encoded(revocation))
            txn.put(_GENERATION, secrets.token_bytes(16))

    def generation(self) -> bytes:
        """Return what no other state of the store ever had."""
        with self._begin(write=False) as txn:
            return bytes(txn.get(_GENERATION) or b"")

    def all(self) -> Sequence[Revocation]:
        """Return what is kept."""
        with self._begin(write=False) as txn:
            return list(_kept(txn).values())

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[Any]:
        try:
            file = opened(self._path, map_bytes=MAP_BYTES, is_durable=True)
            with file.begin(write=write) as txn:
                yield txn
        except lmdb.Error as error:
            raise OSError(str(error)) from error


def _kept(txn: Any) -> dict[bytes, Revocation]:
    return {name: decoded(value) for name, value in txn.cursor() if name != _GENERATION}
