"""What a worker does about revocations while their store is down."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.adapters.lmdb_revocations import LmdbRevocations
from app.adapters.revocations import RevocationStore
from app.domain.access import Principal
from app.domain.revocation import Revocation
from app.errors import LimitStoreDownError
from test.adapters.limit_stores import EPOCH, Clock, Worker

ALICE = Principal("alice", frozenset({"user"}), token_id="a1", issued_at=EPOCH - 60)
BOB = Principal("bob", frozenset({"user"}), token_id="b1", issued_at=EPOCH - 60)
HOUR = 3_600.0


class Frail:
    """A store that can be told to be down."""

    def __init__(self, store: RevocationStore) -> None:
        self._store = store
        self.is_down = True

    def add(self, revocations: Sequence[Revocation]) -> None:
        self._fail()
        self._store.add(revocations)

    def generation(self) -> bytes:
        self._fail()
        return self._store.generation()

    def all(self) -> Sequence[Revocation]:
        self._fail()
        return self._store.all()

    def _fail(self) -> None:
        if self.is_down:
            raise ConnectionError


@pytest.fixture
def frail(tmp_path: Path, clock: Clock) -> Frail:
    return Frail(LmdbRevocations(tmp_path / "revocations.lmdb", clock))


def test_what_was_never_known_is_refused(frail: Frail, clock: Clock) -> None:
    worker = Worker(frail, clock)

    for _ in range(2):
        with pytest.raises(LimitStoreDownError):
            worker.covers(ALICE)
    assert worker.failures.count == 2
    frail.is_down = False
    assert not worker.covers(ALICE)


def test_what_was_never_known_is_allowed_where_the_settings_say_so(
    frail: Frail, clock: Clock
) -> None:
    worker = Worker(frail, clock, allows_on_failure=True)

    assert not worker.covers(ALICE)
    assert worker.failures.count == 1


def test_during_an_outage_what_was_known_last_holds(frail: Frail, clock: Clock) -> None:
    frail.is_down = False
    worker = Worker(frail, clock)
    worker.revoke(Revocation.of_token("a1", EPOCH + HOUR))
    assert worker.covers(ALICE)
    frail.is_down = True

    assert worker.later().covers(ALICE)
    assert not worker.covers(BOB)
    for act in (lambda: worker.revoke(Revocation.of_token("b1", EPOCH)), worker.all):
        with pytest.raises(LimitStoreDownError):
            act()


def test_one_thread_reads_and_the_others_do_not_wait(frail: Frail, clock: Clock) -> None:
    frail.is_down = False
    worker = Worker(frail, clock)
    worker.covers(ALICE)

    with worker._reading:  # another thread is at it
        asked = threading.Thread(target=worker.later().covers, args=(ALICE,))
        asked.start()
        asked.join(timeout=20)
        assert not asked.is_alive()
