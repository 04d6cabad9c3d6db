"""Both stores of limits and revocations, as tests open them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.adapters.lmdb_limits import LmdbLimits
from app.adapters.lmdb_revocations import LmdbRevocations
from app.adapters.null import NullMetrics
from app.adapters.redis_limits import RedisLimits
from app.adapters.redis_revocations import RedisRevocations
from app.adapters.redis_store import RedisStore
from app.adapters.revocations import STALE_SECONDS, RememberedRevocations, RevocationStore
from app.domain.ports import Limits

EPOCH = 1_800_000_000.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = EPOCH

    def __call__(self) -> float:
        return self.time


class Failures(NullMetrics):
    """Counts what could not be counted."""

    def __init__(self) -> None:
        self.count = 0

    def limit_store_failed(self) -> None:
        self.count += 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where limits and revocations are kept: in a folder, or at the address of a Redis."""

    folder: Path
    url: str | None = None

    def limits(self, now: Callable[[], float] | None = None) -> Limits:
        """Open the limits anew, as one more worker does; *now* replaces the store's clock."""
        if self.url is not None:
            return RedisLimits(RedisStore(self.url), NullMetrics(), now=now)
        path = self.folder / "limits.lmdb"
        return LmdbLimits(path, NullMetrics(), now=now) if now else LmdbLimits(path, NullMetrics())

    def revocations(self, now: Callable[[], float]) -> RevocationStore:
        """Open the revocations anew."""
        if self.url is not None:
            return RedisRevocations(RedisStore(self.url), now)
        return LmdbRevocations(self.folder / "revocations.lmdb", now)


class Worker(RememberedRevocations):
    """What one worker knows; ``later`` moves only its own clock."""

    def __init__(
        self, store: RevocationStore, now: Clock, *, allows_on_failure: bool = False
    ) -> None:
        self.failures = Failures()
        self._steady = Clock()
        super().__init__(
            store,
            self.failures,
            allows_on_failure=allows_on_failure,
            now=now,
            elapsed=self._steady,
        )

    def later(self, seconds: float = STALE_SECONDS) -> Worker:
        self._steady.time += seconds
        return self
