"""What the file of the limits survives."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, islice
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from app.adapters.lmdb_limits import LmdbLimits
from app.adapters.null import NullMetrics
from app.domain.rates import Charge, Rate
from app.errors import LimitStoreDownError
from test.adapters.limit_stores import Clock, Failures

FORK = multiprocessing.get_context("fork")
PER_MINUTE = Rate(limit=3, window_seconds=60)
SMALL_MAP_BYTES = 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "limits.lmdb"


def charges(whose: str, rate: Rate = PER_MINUTE) -> list[Charge]:
    return [Charge(f"subject:{whose}", rate)]


def strangers() -> Iterator[list[Charge]]:
    """Charges of one new subject after the other."""
    for number in count():
        yield charges(f"stranger-{os.getpid()}-{number}")


def test_subjects_that_have_gone_are_forgotten(path: Path, clock: Clock) -> None:
    limits = LmdbLimits(path, NullMetrics(), now=clock)
    for number in range(200):
        limits.admit(charges(f"guest-{number}"))
    clock.time += 100
    for _ in range(300):
        limits.admit(charges("alice"))

    assert limits._open().stat()["entries"] <= 2


def _fill_the_map(limits: LmdbLimits) -> None:
    for asked in islice(strangers(), 100_000):
        limits.admit(asked)


def test_a_full_file_has_room_again_when_what_it_holds_has_run_out(
    path: Path, clock: Clock
) -> None:
    limits = LmdbLimits(path, NullMetrics(), now=clock, map_bytes=SMALL_MAP_BYTES)
    with pytest.raises(LimitStoreDownError):
        _fill_the_map(limits)
    with pytest.raises(LimitStoreDownError):
        limits.admit(charges("alice"))

    clock.time += 61

    def is_admitted() -> bool:
        with suppress(LimitStoreDownError):
            return limits.admit(charges("alice")).allowed
        return False

    assert any(is_admitted() for _ in range(200))


@contextmanager
def a_small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk at *folder*; skip where this user or this machine may not."""
    size = f"size={megabytes}m"
    mounting = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root of a Linux machine can mount a small disk")
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_heals_when_there_is_room(tmp_path: Path) -> None:
    with a_small_disk(tmp_path, 17):
        limits = LmdbLimits(tmp_path / "limits.lmdb", failures := Failures())
        with pytest.raises(LimitStoreDownError) as told:
            _fill_the_map(limits)
        assert isinstance(told.value.__cause__, OSError)
        assert failures.count == 1

        subprocess.run(["mount", "-o", "remount,size=64m", str(tmp_path)], check=True)
        assert limits.admit(charges("alice")).remaining == 2


@pytest.mark.parametrize("allows", [False, True])
def test_a_file_that_cannot_be_used_refuses_or_allows_and_is_counted(
    path: Path, *, allows: bool
) -> None:
    path.write_bytes(b"no database" * 1000)
    limits = LmdbLimits(path, failures := Failures(), allows_on_failure=allows)

    if allows:
        verdict = limits.admit(charges("alice"))
        limits.give_back(charges("alice"), verdict.at)
        assert verdict.allowed
    else:
        with pytest.raises(LimitStoreDownError):
            limits.admit(charges("alice"))

    assert failures.count == 1 + allows
    path.unlink()
    assert limits.admit(charges("alice")).remaining == 2


def _spend_for_ever(path: Path, told: Connection) -> None:
    limits = LmdbLimits(path, NullMetrics())
    for asked in strangers():
        limits.admit([*asked, *charges("everybody", Rate(1_000_000, 3_600))])
        told.send_bytes(b".")


def test_workers_killed_at_any_moment_leave_right_counts_and_no_lock(path: Path) -> None:
    limits = LmdbLimits(path, NullMetrics())
    everybody = charges("everybody", Rate(1_000_000, 3_600))
    limits.admit(everybody)
    told_of = 0
    for moment in range(12):
        ours, theirs = FORK.Pipe(duplex=False)
        workers = [FORK.Process(target=_spend_for_ever, args=(path, theirs)) for _ in range(2)]
        for worker in workers:
            worker.start()
        theirs.close()
        for _ in range(20 + 7 * moment):
            ours.recv_bytes()
        for worker in workers:
            os.kill(worker.pid or 0, signal.SIGKILL)
            worker.join()
        told_of += 20 + 7 * moment + _rest(ours)
        spent = 1_000_000 - limits.admit(everybody).remaining - (moment + 2)
        # What each of the two spent last before it was killed may not have been told.
        assert told_of <= spent <= told_of + 2 * (moment + 1)


def _rest(told: Connection) -> int:
    """Count what is still in the pipe, until its last writer is gone."""
    number = 0
    try:
        while True:
            told.recv_bytes()
            number += 1
    except (EOFError, OSError):
        return number


def _die_in_the_middle(path: Path) -> None:
    """Leave a transaction open for ever, as far as LMDB can tell."""

    def now() -> float:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0.0

    LmdbLimits(path, NullMetrics(), now=now).admit(charges("alice"))


def test_a_lock_dies_with_its_holder(path: Path) -> None:
    limits = LmdbLimits(path, NullMetrics())
    limits.admit(charges("alice"))

    for _ in range(3):
        worker = FORK.Process(target=_die_in_the_middle, args=(path,))
        worker.start()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL

    assert limits.admit(charges("alice")).remaining == 1
