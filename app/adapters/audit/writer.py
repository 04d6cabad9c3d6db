"""Writes events into the audit log as one chain, signs how far it has come, and drops the old."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.adapters.audit.key import AuditKey
from app.adapters.audit.store import AuditStore, Writing
from app.domain.audit import Event
from app.domain.audit_chain import CHECKPOINT, CLOSE, GENESIS, HEAD, OPEN, Chain, Head
from app.domain.audit_privacy import Privacy

log = logging.getLogger("gatehouse.audit")
# A chain that rests is closed, so that one without a recent head is known to be dead.
_REST_SECONDS: Final = 1_800
_SEGMENT_BYTES: Final = 16 * 1024 * 1024
_DROPPED_AHEAD: Final = 0.01  # of what may be kept, so that not every minute needs a checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long records are kept, and how many bytes of them."""

    seconds: float
    n_bytes: int


@dataclass(frozen=True, slots=True)
class _State:
    """Where this writer stands.

    Attributes:
        written_at: time of the last transaction.
        signed_at: time of the last head.
        unsigned_bytes: of the records behind it.
    """

    chain: Chain
    written_at: float
    signed_at: float
    unsigned_bytes: int = 0


class AuditWriter:
    """One chain at a time. For one thread; a process that was forked off makes its own."""

    def __init__(  # noqa: PLR0913  each is another thing
        self,
        store: AuditStore,
        key: AuditKey,
        privacy: Privacy,
        *,
        head_seconds: float,
        retention: Retention,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._key = key
        self._privacy = privacy
        self._head_seconds = head_seconds
        self._retention = retention
        self._now = now
        self._state: _State | None = None
        self._in_doubt: _State | None = None
        self._looked_at = 0.0

    def write(self, events: Sequence[Event]) -> None:
        """Append *events*; they are on the disk when this returns.

        Raises:
            AuditStoreError: they could not be written; ask ``was_written`` before trying again.
        """
        now = self._now()
        state, opening = self._state, None
        if state is None or now - state.written_at > 2 * _REST_SECONDS:
            state = _State(Chain(secrets.token_hex(8)), now, now)
            opening = state.chain
        records, chain, n_bytes = state.chain.extended(map(self._privacy.kept, events))
        unsigned_bytes = state.unsigned_bytes + n_bytes
        self._in_doubt = replace(state, chain=chain, written_at=now, unsigned_bytes=unsigned_bytes)
        with self._store.writing() as writing:
            head = self._add_head(writing, OPEN, opening, 0) if opening else None
            writing.add_records(records)
        self._state, self._in_doubt = self._in_doubt, None
        _tell(head)

    def was_written(self) -> bool:
        """Say whether the last ``write``, which has failed, was written all the same.

        Raises:
            AuditStoreError: the database still does not answer.
        """
        doubt = self._in_doubt
        if doubt is None:
            return False
        with self._store.writing() as writing:
            found = writing.end_of(doubt.chain.writer)
        self._in_doubt = None
        if found != doubt.chain:
            return False
        self._state = doubt
        return True

    def maintain(self) -> None:
        """Sign a head when one is due, and drop what need not be kept any longer.

        Raises:
            AuditStoreError: the database does not answer.
        """
        now, state = self._now(), self._state
        if state is not None:
            is_due = now - state.signed_at >= self._head_seconds
            if now - state.written_at > _REST_SECONDS:
                self._sign(state, CLOSE)
            elif state.unsigned_bytes >= _SEGMENT_BYTES or (is_due and state.unsigned_bytes):
                self._sign(state, HEAD)
        if now - self._looked_at >= self._head_seconds:
            self._drop(now)
            self._looked_at = now

    def close(self) -> None:
        """Sign the end of the chain.

        Raises:
            AuditStoreError: the database does not answer.
        """
        try:
            if self._state is not None:
                self._sign(self._state, CLOSE)
        finally:
            self._store.close()

    def _sign(self, state: _State, kind: str) -> None:
        with self._store.writing() as writing:
            head = self._add_head(writing, kind, state.chain, state.unsigned_bytes)
        signed = replace(state, signed_at=self._now(), unsigned_bytes=0)
        self._state = None if kind == CLOSE else signed
        _tell(head)

    def _drop(self, now: float) -> None:
        kept = self._retention
        with self._store.writing() as writing:
            oldest, newest = writing.oldest_head(), writing.newest_head()
            if oldest is None or newest is None:
                return
            is_old = oldest.at_us < (now - kept.seconds) * 1e6
            is_large = newest.total_bytes - oldest.total_bytes > kept.n_bytes
            if not (is_old or is_large):
                return
            ahead = 1 - _DROPPED_AHEAD
            checkpoint = writing.cut(
                int((now - kept.seconds * ahead) * 1e6),
                newest.total_bytes - int(kept.n_bytes * ahead),
            )
            if checkpoint is None:
                return
            chain = Chain("", checkpoint.number, checkpoint.hash)
            head = self._add_head(writing, CHECKPOINT, chain, 0, checkpoint.detail())
        _tell(head)

    def _add_head(
        self, writing: Writing, kind: str, chain: Chain, n_bytes: int, detail: str | None = None
    ) -> Head:
        def made(before: Head | None) -> Head:
            head = Head(
                number=before.number + 1 if before else 1,
                kind=kind,
                writer=chain.writer,
                seq=chain.seq,
                hash=chain.hash,
                at_us=int(self._now() * 1e6),
                total_bytes=(before.total_bytes if before else 0) + n_bytes,
                detail=detail,
                key=self._key.id,
                previous=before.digest() if before else GENESIS,
            )
            return self._key.signed(head)

        return writing.add_head(made)


def _tell(head: Head | None) -> None:
    """Log a head: where log lines are shipped away, nobody can rewrite the chain up to it."""
    if head is not None:
        place = {"writer": head.writer, "seq": head.seq, "hash": head.hash}
        extra = {"number": head.number, "kind": head.kind, "digest": head.digest()}
        log.info("audit head", extra=extra | place)
