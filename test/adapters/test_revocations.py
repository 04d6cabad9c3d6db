"""What workers know of revocations, over both stores."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.lmdb_revocations import LmdbRevocations
from app.adapters.revocations import RememberedRevocations
from app.domain.access import Principal
from app.domain.revocation import Revocation
from test.adapters.limit_stores import EPOCH, Clock, Failures, Place, Worker
from test.redis_server import RedisServer

HOUR = 3_600.0
ALICE = Principal("alice", frozenset({"user"}), token_id="a1", issued_at=EPOCH - 60)
BOB = replace(ALICE, subject="bob", token_id="b1")


@pytest.fixture(params=["lmdb", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A store that holds nothing yet."""
    if request.param == "lmdb":
        return Place(tmp_path)
    server: RedisServer = request.getfixturevalue("redis_server")
    with server.connected() as client:
        client.flushall()
    return Place(tmp_path, server.url)


def test_a_token_is_revoked_in_every_worker(place: Place, clock: Clock) -> None:
    one, other = (Worker(place.revocations(clock), clock) for _ in range(2))
    assert not one.covers(ALICE)
    assert not other.covers(ALICE)

    one.revoke(Revocation.of_token("a1", EPOCH + HOUR))

    assert one.covers(ALICE)
    assert other.later().covers(ALICE)
    assert not other.covers(BOB)


def test_a_subject_is_revoked_up_to_a_moment(place: Place, clock: Clock) -> None:
    worker = Worker(place.revocations(clock), clock)

    worker.revoke(Revocation.of_subject("alice", EPOCH, HOUR))

    assert worker.covers(ALICE)
    assert not worker.covers(replace(ALICE, issued_at=EPOCH + 1))
    assert not worker.covers(BOB)


def test_everyone_is_revoked_up_to_a_moment(place: Place, clock: Clock) -> None:
    worker = Worker(place.revocations(clock), clock)

    worker.revoke(Revocation.of_everyone(EPOCH, HOUR))

    assert worker.covers(ALICE)
    assert worker.covers(BOB)
    assert not worker.covers(replace(BOB, issued_at=EPOCH + 1))


def test_the_change_is_known_within_a_second(place: Place) -> None:
    stores = [place.revocations(time.time) for _ in range(2)]
    one, other = (
        RememberedRevocations(store, Failures(), allows_on_failure=False) for store in stores
    )
    assert not other.covers(ALICE)
    one.revoke(Revocation.of_token("a1", time.time() + HOUR))

    deadline = time.monotonic() + 1
    while not other.covers(ALICE) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert other.covers(ALICE)


def test_a_new_worker_knows_what_was_revoked_before(place: Place, clock: Clock) -> None:
    Worker(place.revocations(clock), clock).revoke(Revocation.of_token("a1", EPOCH + HOUR))

    assert Worker(place.revocations(clock), clock).covers(ALICE)


def test_a_second_revocation_never_frees_what_the_first_met(place: Place, clock: Clock) -> None:
    worker = Worker(place.revocations(clock), clock)
    worker.revoke(Revocation.of_subject("alice", EPOCH - 120, 10 * HOUR))
    worker.revoke(Revocation.of_subject("alice", EPOCH, HOUR))
    worker.revoke(Revocation.of_subject("alice", EPOCH - 600, HOUR))

    (kept,) = worker.all()

    assert (kept.issued_before, kept.until) == (EPOCH, EPOCH - 120 + 10 * HOUR)


def test_what_has_expired_is_forgotten_when_something_is_added(place: Place, clock: Clock) -> None:
    store = place.revocations(clock)
    worker = Worker(store, clock)
    worker.revoke(Revocation.of_token("a1", EPOCH + HOUR))
    clock.time += HOUR + 1
    assert worker.all() == []
    assert len(store.all()) == 1, "a leeway may still let the token in"

    clock.time += HOUR
    worker.later()
    worker.revoke(Revocation.of_token("b1", clock.time + HOUR))

    assert [kept.value for kept in store.all()] == ["b1"]
    assert not worker.covers(ALICE)


def test_the_newest_is_listed_first(place: Place, clock: Clock) -> None:
    worker = Worker(place.revocations(clock), clock)
    for name, moment in (("middle", 2.0), ("old", 1.0), ("new", 3.0)):
        worker.revoke(Revocation.of_subject(name, EPOCH + moment, HOUR))

    assert [found.value for found in worker.all()] == ["new", "middle", "old"]


@pytest.mark.parametrize("name", ["é", "\udcff", "a\0b", "x" * 255])
def test_any_name_can_be_revoked(place: Place, clock: Clock, name: str) -> None:
    worker = Worker(place.revocations(clock), clock)

    worker.revoke(Revocation.of_subject(name, EPOCH, HOUR))

    assert worker.covers(replace(ALICE, subject=name))


def _forget(place: Place) -> None:
    """Take from the store all that it knows."""
    store = place.revocations(Clock())
    if isinstance(store, LmdbRevocations):
        with store._begin(write=True) as txn:
            for name, _ in list(txn.cursor()):
                txn.delete(name)
    else:
        with store._store.client as client:  # type: ignore[attr-defined]
            client.flushall()


def test_what_a_store_lost_is_put_back_by_whoever_knows_it(
    place: Place, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="gatehouse.revocations")
    knowing, new = (Worker(place.revocations(clock), clock) for _ in range(2))
    knowing.revoke(Revocation.of_token("a1", EPOCH + HOUR))
    knowing.revoke(Revocation.of_token("old", EPOCH - HOUR))
    assert knowing.covers(ALICE)
    _forget(place)
    new.revoke(Revocation.of_subject("bob", EPOCH, HOUR))

    assert knowing.later().covers(ALICE)

    assert new.later().covers(ALICE)
    assert knowing.covers(BOB)
    assert [record.__dict__["revocations"] for record in caplog.records] == [1]
