"""Limits while Redis goes and comes back, and what they leave in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from redis.crc import key_slot

from app.adapters.redis_limits import RedisLimits
from app.adapters.redis_store import PAUSE_SECONDS, RedisStore
from app.domain.rates import Charge, Rate
from app.errors import LimitStoreDownError
from test.adapters.limit_stores import Clock, Failures
from test.redis_server import RedisServer

PER_MINUTE = Rate(limit=3, window_seconds=60)
ALICE = [Charge("subject:alice", PER_MINUTE)]


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A Redis that knows nothing yet, and that the test may stop."""
    with redis_server.connected() as client:
        client.flushall()
        client.script_flush()
    yield redis_server
    redis_server.stop()
    redis_server.start()


@pytest.fixture
def store(server: RedisServer, clock: Clock) -> RedisStore:
    """The way to it; a pause after a failure lasts until the test moves the clock."""
    return RedisStore(server.url, now=clock)


def test_an_outage_refuses_and_heals_by_itself(
    server: RedisServer, store: RedisStore, clock: Clock
) -> None:
    limits = RedisLimits(store, failures := Failures())
    limits.admit(ALICE)
    server.stop()

    with pytest.raises(LimitStoreDownError):
        limits.admit(ALICE)
    limits.give_back(ALICE, 0.0)
    assert failures.count == 2
    server.start()
    clock.time += PAUSE_SECONDS
    assert limits.admit(ALICE).remaining == 2


def test_an_outage_allows_where_the_settings_say_so(server: RedisServer, store: RedisStore) -> None:
    limits = RedisLimits(store, failures := Failures(), allows_on_failure=True)
    server.stop()

    verdicts = [limits.admit(ALICE) for _ in range(5)]

    assert all(verdict.allowed and verdict.at == 0.0 for verdict in verdicts)
    assert failures.count == 5


def test_nobody_asks_again_soon_after_a_failure(
    server: RedisServer, store: RedisStore, clock: Clock
) -> None:
    limits, asked = RedisLimits(store, Failures()), list[int]()
    with server.frozen(), pytest.raises(LimitStoreDownError):
        limits.admit(ALICE)

    with pytest.raises(OSError, match="a moment ago"):
        store.ask(lambda: asked.append(1))
    clock.time += PAUSE_SECONDS
    store.ask(lambda: asked.append(2))

    assert asked == [2]


def test_one_caller_tries_and_the_others_go_on_being_refused(
    server: RedisServer, store: RedisStore, clock: Clock
) -> None:
    server.stop()
    store.greet()
    clock.time += PAUSE_SECONDS

    def meanwhile() -> None:
        with pytest.raises(OSError, match="a moment ago"):
            store.ask(lambda: None)

    store.ask(meanwhile)
    store.ask(lambda: None)


def test_going_and_coming_back_are_logged_once_and_tell_no_secret(
    server: RedisServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gatehouse.redis")
    store = RedisStore(server.url.replace("://", "://:hunter2@"), now=clock)
    server.stop()
    for _ in range(3):
        store.greet()
        clock.time += PAUSE_SECONDS
    store.ask(lambda: None)

    assert caplog.messages == ["redis does not answer", "redis answers again"]
    assert "hunter2" not in caplog.text + str([vars(record) for record in caplog.records])


def test_a_redis_that_forgets_its_scripts_is_told_them_again(
    server: RedisServer, store: RedisStore
) -> None:
    limits = RedisLimits(store, Failures())
    limits.admit(ALICE)
    with server.connected() as client:
        client.script_flush()

    limits.give_back(ALICE, limits.admit(ALICE).at)
    assert limits.admit(ALICE).remaining == 1


def test_a_redis_without_room_is_a_failure(server: RedisServer, store: RedisStore) -> None:
    limits = RedisLimits(store, failures := Failures())
    with server.connected() as client:
        client.config_set("maxmemory", "1")

    with pytest.raises(LimitStoreDownError):
        limits.admit(ALICE)
    assert failures.count == 1


def test_counts_run_out_by_themselves(server: RedisServer, store: RedisStore) -> None:
    limits = RedisLimits(store, Failures())
    limits.give_back(ALICE, limits.admit(ALICE).at)

    with server.connected() as client:
        (key,) = client.keys()
        assert 59_000 < client.pttl(key) <= 61_000


def test_a_count_stays_small_whatever_its_rate(
    server: RedisServer, store: RedisStore, clock: Clock
) -> None:
    limits = RedisLimits(store, Failures(), now=clock)
    for _ in range(600):
        clock.time += 0.2
        limits.admit([Charge("subject:alice", Rate(1_000_000, 60))])

    with server.connected() as client:
        (key,) = client.keys()
        assert client.strlen(key) <= 8 + 130 * 24


def test_what_one_call_asks_lies_in_one_slot_of_a_cluster(
    server: RedisServer, store: RedisStore
) -> None:
    rates = (PER_MINUTE, Rate(9, 3_600), Rate(9, 60, "forests"))
    RedisLimits(store, Failures()).admit([Charge("subject:alice", rate) for rate in rates])

    with server.connected() as client:
        slots = [key_slot(key) for key in client.scan_iter()]
    assert len(slots) == 3
    assert len(set(slots)) == 1
