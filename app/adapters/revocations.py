"""Revocations as every worker sees them: looked up in memory, read again when they may be old."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import Final, Protocol

from app.domain.access import Principal
from app.domain.ports import Metrics
from app.domain.revocation import Revocation, Revoked
from app.errors import LimitStoreDownError

log = logging.getLogger("gatehouse.revocations")
STALE_SECONDS: Final = 0.25
# Of tokens that have expired: the longest leeway, and a minute by which clocks may differ.
_KEPT_SECONDS: Final = 360.0


class RevocationStore(Protocol):
    """Keeps revocations for all workers; each change makes a new generation."""

    def add(self, revocations: Sequence[Revocation]) -> None:
        """Keep *revocations*, and forget what can be forgotten.

        Raises:
            OSError: the store does not answer.
        """
        ...

    def generation(self) -> bytes:
        """Return what no other state of the store ever had; raises like ``add``."""
        ...

    def all(self) -> Sequence[Revocation]:
        """Return what is kept, in any order; raises like ``add``."""
        ...


class RememberedRevocations:
    """Fulfils the port ``Revocations`` over a store that all workers share.

    While the store is down, what was known last is used; what was never known is refused or
    allowed as the settings say. Nothing is ever taken back, so what a worker knows and the store
    does not was lost there, and the worker puts it back.

    Args:
        store: of all workers.
        metrics: counts when it does not answer.
        allows_on_failure: whether a token holds before the store has ever answered.
        now: seconds since the epoch.
        elapsed: seconds of a clock that is never set.
    """

    def __init__(
        self,
        store: RevocationStore,
        metrics: Metrics,
        *,
        allows_on_failure: bool,
        now: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._allows_on_failure = allows_on_failure
        self._now = now
        self._elapsed = elapsed
        self._generation: bytes | None = None
        self._known: Sequence[Revocation] = ()
        self._revoked = Revoked()
        self._looked_at = float("-inf")
        self._reading = threading.Lock()

    def covers(self, principal: Principal) -> bool:
        """Say whether the token of *principal* was revoked.

        Raises:
            LimitStoreDownError: the store has never answered, and the policy is to refuse.
        """
        if self._elapsed() - self._looked_at >= STALE_SECONDS:
            self._refresh()
        return self._revoked.covers(principal)

    def revoke(self, revocation: Revocation) -> None:
        """Keep *revocation* until it can be forgotten.

        Raises:
            LimitStoreDownError: the store does not answer.
        """
        try:
            self._store.add([revocation])
        except OSError as error:
            raise self._down() from error
        self._looked_at = float("-inf")

    def all(self) -> Sequence[Revocation]:
        """Return what is revoked now, the newest first.

        Raises:
            LimitStoreDownError: the store does not answer.
        """
        try:
            kept = self._store.all()
        except OSError as error:
            raise self._down() from error
        found = [revocation for revocation in kept if revocation.until >= self._now()]
        return sorted(found, key=lambda revocation: revocation.issued_before, reverse=True)

    def _refresh(self) -> None:
        """Let one thread read; the others go on with what is known, when something is."""
        is_known = self._generation is not None
        if not self._reading.acquire(blocking=not is_known):
            return
        try:
            if self._elapsed() - self._looked_at < STALE_SECONDS:
                return
            self._read()
        except OSError as error:
            down = self._down()
            if not is_known and not self._allows_on_failure:
                raise down from error
        finally:
            self._reading.release()
        self._looked_at = self._elapsed()

    def _read(self) -> None:
        generation = self._store.generation()
        if generation == self._generation:
            return
        kept = {name_of(revocation): revocation for revocation in self._store.all()}
        lost, _ = changes(kept, self._known, self._now())
        if lost:
            self._store.add(list(lost.values()))
            log.warning("lost revocations put back", extra={"revocations": len(lost)})
        self._known = list((kept | lost).values())
        self._revoked = Revoked(self._known)
        self._generation = generation

    def _down(self) -> LimitStoreDownError:
        self._metrics.limit_store_failed()
        return LimitStoreDownError("Revocations cannot be looked up now.")


def name_of(revocation: Revocation) -> bytes:
    """Return what two revocations of the same token, subject or everyone have in common."""
    whose = f"{revocation.kind}\0{revocation.value}".encode("utf-8", "surrogatepass")
    return blake2b(whose, digest_size=16).digest()


def encoded(revocation: Revocation) -> bytes:
    """Return *revocation* as a store keeps it."""
    return json.dumps(asdict(revocation)).encode()


def decoded(value: bytes) -> Revocation:
    """Return what was encoded."""
    return Revocation(**json.loads(value))


def changes(
    kept: Mapping[bytes, Revocation], more: Iterable[Revocation], now: float
) -> tuple[dict[bytes, Revocation], list[bytes]]:
    """Return what a store that has *kept* must write to have *more*, and what it may forget."""
    written: dict[bytes, Revocation] = {}
    for revocation in more:
        name = name_of(revocation)
        known = written.get(name) or kept.get(name)
        joined = _joined(revocation, known) if known else revocation
        if joined != known and not _is_over(joined, now):
            written[name] = joined
    over = [name for name, known in kept.items() if name not in written and _is_over(known, now)]
    return written, over


def _joined(one: Revocation, other: Revocation) -> Revocation:
    """Return what revokes all that either does: a shorter one must not hide a longer one."""
    issued_before = max(one.issued_before, other.issued_before)
    return Revocation(one.kind, one.value, issued_before, max(one.until, other.until))


def _is_over(revocation: Revocation, now: float) -> bool:
    return revocation.until + _KEPT_SECONDS < now
