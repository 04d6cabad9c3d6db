"""Revocations in Redis: one hash, shared by the workers of all machines."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from app.adapters.redis_store import RedisStore
from app.adapters.revocations import changes, decoded, encoded
from app.domain.revocation import Revocation

KEY: Final = "gatehouse:revocations"
_GENERATION: Final = b"generation"


class RedisRevocations:
    """Fulfils ``RevocationStore``. What Redis flushes to its disk is Redis's own setting."""

    def __init__(self, store: RedisStore, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def add(self, revocations: Sequence[Revocation]) -> None:
        """Keep *revocations*, and forget what can be forgotten."""

        def write(transaction: Any) -> None:
            kept = _kept(transaction.hgetall(KEY))
            written, over = changes(kept, revocations, self._now())
            fields = {name: encoded(revocation) for name, revocation in written.items()}
            transaction.multi()
            if over:
                transaction.hdel(KEY, *over)
            transaction.hset(KEY, mapping=fields | {_GENERATION: secrets.token_bytes(16)})

        self._store.ask(lambda: self._store.client.transaction(write, KEY))

    def generation(self) -> bytes:
        """Return what no other state of the store ever had."""
        found: Any = self._store.ask(lambda: self._store.client.hget(KEY, _GENERATION))
        return found or b""

    def all(self) -> Sequence[Revocation]:
        """Return what is kept."""
        found: Any = self._store.ask(lambda: self._store.client.hgetall(KEY))
        return list(_kept(found).values())


def _kept(fields: dict[bytes, bytes]) -> dict[bytes, Revocation]:
    return {name: decoded(value) for name, value in fields.items() if name != _GENERATION}
