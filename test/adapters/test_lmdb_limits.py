from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from app.adapters.lmdb_limits import LmdbLimits
from app.adapters.null import NullMetrics
from app.domain.rates import Rate, parse_rates
from app.errors import LimitStoreDownError

FORK = multiprocessing.get_context("fork")
PER_MINUTE = (Rate(limit=3, window_seconds=60),)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(tmp_path: Path, clock: Clock) -> LmdbLimits:
    return LmdbLimits(tmp_path / "limits.lmdb", NullMetrics(), clock)


def test_the_limit_is_admitted_and_no_more(limits: LmdbLimits) -> None:
    verdicts = [limits.admit("alice", PER_MINUTE) for _ in range(5)]

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert all(1 <= verdict.reset_seconds <= 60 for verdict in verdicts)


def test_one_subject_does_not_spend_anothers_limit(limits: LmdbLimits) -> None:
    for _ in range(3):
        limits.admit("alice", PER_MINUTE)

    assert limits.admit("bob", PER_MINUTE).allowed
    assert not limits.admit("alice", PER_MINUTE).allowed


def test_a_place_is_free_again_when_the_window_has_moved_on(
    limits: LmdbLimits, clock: Clock
) -> None:
    for moment in (0.0, 20.0, 40.0):
        clock.time = 1_000_000.0 + moment
        limits.admit("alice", PER_MINUTE)
    clock.time = 1_000_059.0
    refused = limits.admit("alice", PER_MINUTE)
    clock.time = 1_000_061.0

    assert not refused.allowed
    assert refused.reset_seconds == 1
    assert limits.admit("alice", PER_MINUTE).allowed
    assert not limits.admit("alice", PER_MINUTE).allowed


def test_no_stretch_of_one_window_holds_more_than_the_limit(
    limits: LmdbLimits, clock: Clock
) -> None:
    rate = Rate(limit=50, window_seconds=10)
    accepted: list[float] = []
    for _ in range(3_000):
        clock.time += 0.017
        if limits.admit("alice", (rate,)).allowed:
            accepted.append(clock.time)

    busiest = max(sum(start <= t < start + 10 for t in accepted) for start in accepted)
    assert busiest == 50
    assert len(accepted) >= 50 * 4


def test_a_request_that_one_rate_refuses_spends_nothing_of_the_other(
    limits: LmdbLimits, clock: Clock
) -> None:
    burst_and_quota = parse_rates("1 per second; 3 per hour")
    assert limits.admit("alice", burst_and_quota).allowed
    for _ in range(10):
        assert not limits.admit("alice", burst_and_quota).allowed

    for _ in range(2):
        clock.time += 1.1
        assert limits.admit("alice", burst_and_quota).allowed
    clock.time += 1.1
    assert limits.admit("alice", burst_and_quota).rate.window_seconds == 3600


def test_a_request_may_cost_more_than_one(limits: LmdbLimits) -> None:
    assert not limits.admit("alice", PER_MINUTE, cost=4).allowed
    assert limits.admit("alice", PER_MINUTE, cost=3).allowed
    assert not limits.admit("alice", PER_MINUTE).allowed


def test_a_clock_that_is_set_back_locks_nobody_out(limits: LmdbLimits, clock: Clock) -> None:
    for _ in range(3):
        limits.admit("alice", PER_MINUTE)
    clock.time -= 3_600

    assert limits.admit("alice", PER_MINUTE).allowed


def test_subjects_that_have_gone_are_forgotten(limits: LmdbLimits, clock: Clock) -> None:
    for number in range(200):
        limits.admit(f"guest-{number}", PER_MINUTE)
    clock.time += 100
    for _ in range(300):
        limits.admit("alice", PER_MINUTE)

    assert limits._open().stat()["entries"] <= 2


def test_a_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "limits.lmdb").write_bytes(b"no database" * 1000)

    with pytest.raises(LimitStoreDownError):
        LmdbLimits(tmp_path / "limits.lmdb", NullMetrics()).admit("alice", PER_MINUTE)


def _spend(path: Path, times: int, accepted: multiprocessing.Queue[int]) -> None:
    limits = LmdbLimits(path, NullMetrics())
    rate = (Rate(limit=100, window_seconds=60),)
    accepted.put(sum(limits.admit("alice", rate).allowed for _ in range(times)))


def test_processes_share_one_count(tmp_path: Path) -> None:
    accepted = FORK.Queue()
    workers = [
        FORK.Process(target=_spend, args=(tmp_path / "limits.lmdb", 100, accepted))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    total = sum(accepted.get(timeout=30) for _ in workers)
    for worker in workers:
        worker.join()

    assert total == 100


def _spend_for_ever(path: Path) -> None:
    limits = LmdbLimits(path, NullMetrics())
    while True:
        limits.admit(f"victim-{time.monotonic()}", PER_MINUTE)


def test_a_worker_killed_at_any_moment_leaves_a_store_that_works(tmp_path: Path) -> None:
    path = tmp_path / "limits.lmdb"
    limits = LmdbLimits(path, NullMetrics())
    for round_number in range(10):
        worker = FORK.Process(target=_spend_for_ever, args=(path,))
        worker.start()
        time.sleep(0.02 + 0.003 * round_number)
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
        assert limits.admit(f"honest-{round_number}", PER_MINUTE).remaining == 2
