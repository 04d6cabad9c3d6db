"""Limits in LMDB: one count for all workers of the machine, with nothing to install.

A subject's accepted requests are kept, for each window, as entries of time and cost. Requests that
come within 1/128 of a window share an entry, which takes the later time: so at most 129 entries
are kept for a rate of any size, and in no stretch of one window's length is more accepted
than the limit; a place is free again at most 1/128 of the window late. When the clock is set back,
the newest entry is taken for one of now: that can only keep entries longer.
"""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import lmdb

from app.adapters.lmdb_file import opened, reserve
from app.domain.ports import Metrics
from app.domain.rates import Admission, Charge, Rate, decide, decide_all
from app.errors import LimitStoreDownError

SLICES: Final = 128
MAP_BYTES: Final = 1024 * 1024 * 1024  # the file grows as it is needed
_SWEPT_AT_ONCE: Final = 64
_WRITES_PER_SWEEP: Final = 32  # a write adds a key at most for each rate, and few have many
_FULL_SHARE: Final = 0.75
_ENTRY: Final = struct.Struct("<ddq")  # begin of the slice, its latest request, their cost
_SPENT: Final = struct.Struct("<q")  # sum of the costs, in front of the entries
_WINDOW: Final = struct.Struct(">I")


class LmdbLimits:
    """Fulfils the port ``Limits``; processes share the file, threads the object.

    A worker killed at any moment leaves the last finished transaction. The file is not flushed
    to the disk: losing the counts with the machine's power costs at most one window.

    Args:
        path: of the file.
        metrics: counts what could not be counted.
        allows_on_failure: whether a request comes in that cannot be counted.
        now: seconds; every process must mean the same by them.
        map_bytes: the most the file may hold.
    """

    def __init__(
        self,
        path: Path,
        metrics: Metrics,
        *,
        allows_on_failure: bool = False,
        now: Callable[[], float] = time.time,
        map_bytes: int = MAP_BYTES,
    ) -> None:
        self._path = path.absolute()
        self._metrics = metrics
        self._allows_on_failure = allows_on_failure
        self._now = now
        self._map_bytes = map_bytes
        self._swept_to = b""
        self._was_full = False
        self._writes = 0

    def admit(self, charges: Sequence[Charge]) -> Admission:
        """Spend every one of *charges*, or none of them when one cannot be paid.

        Raises:
            LimitStoreDownError: the file cannot be read or written, and the policy is to refuse.
        """
        try:
            return self._admit(charges)
        except (lmdb.Error, OSError) as error:
            self._metrics.limit_store_failed()
            if self._allows_on_failure:
                return Admission.uncounted(charges)
            raise LimitStoreDownError("The rate limit cannot be counted now.") from error

    def give_back(self, charges: Sequence[Charge], at: float) -> None:
        """Undo *charges* that were spent *at* that time, as far as they still count."""
        try:
            with self._open().begin(write=True) as txn:
                for charge in charges:
                    _return(txn, charge, at)
        except (lmdb.Error, OSError):
            self._metrics.limit_store_failed()

    def _open(self) -> Any:
        return opened(self._path, map_bytes=self._map_bytes, is_durable=False)

    def _admit(self, charges: Sequence[Charge]) -> Admission:
        with self._open().begin(write=True) as txn:
            now = self._now()
            self._writes += 1
            if self._was_full or self._writes % _WRITES_PER_SWEEP == 0:
                reserve(self._path, self._open(), self._map_bytes)
                self._was_full = self._is_full(txn)
                self._sweep(txn, now, _SWEPT_AT_ONCE)
            if not self._was_full:
                return _spend(txn, charges, now)
        raise OSError(errno.ENOSPC, "the limits fill their file")

    def _is_full(self, txn: Any) -> bool:
        """Say whether only forgetting is left to do.

        LMDB needs free pages even to delete, so a file that is full to the brim stays full.
        """
        pages = txn.stat()
        used = pages["leaf_pages"] + pages["overflow_pages"] + pages["branch_pages"]
        return bool(used * pages["psize"] > self._map_bytes * _FULL_SHARE)

    def _sweep(self, txn: Any, now: float, keys: int) -> None:
        """Forget what has run out among the next *keys*, so that the file stays small."""
        cursor = txn.cursor()
        if not cursor.set_range(self._swept_to + b"\0"):
            self._swept_to = b""
            return
        for _ in range(keys):
            key = bytes(cursor.key())
            latest = _ENTRY.unpack_from(cursor.value(), len(cursor.value()) - _ENTRY.size)[1]
            self._swept_to = key
            over = latest + _WINDOW.unpack(key[-_WINDOW.size :])[0] < now
            if not (cursor.delete() if over else cursor.next()) or not cursor.key():
                return


def _spend(txn: Any, charges: Sequence[Charge], now: float) -> Admission:
    found = [(charge, _key(charge)) for charge in charges]
    kept = [(charge, key, *_counting(txn, key, charge.rate, now)) for charge, key in found]
    verdict = decide_all(
        [
            decide(charge, spent, _free_at(charge, spent, entries, now), now)
            for charge, _, spent, entries in kept
        ]
    )
    if verdict.allowed:
        for charge, key, spent, entries in kept:
            txn.put(key, _SPENT.pack(spent + charge.cost) + _with(charge, entries, now))
    return verdict


def _with(charge: Charge, entries: bytes, now: float) -> bytes:
    """Return *entries* with *charge* added to the last slice, or in one of its own."""
    if entries:
        begin, _, count = _ENTRY.unpack_from(entries, len(entries) - _ENTRY.size)
        if now - begin < charge.rate.window_seconds / SLICES:
            return entries[: -_ENTRY.size] + _ENTRY.pack(begin, now, count + charge.cost)
    return entries + _ENTRY.pack(now, now, charge.cost)


def _return(txn: Any, charge: Charge, at: float) -> None:
    """Take the cost out of the slice that holds *at*; what has run out counts no longer anyway."""
    value = bytearray(txn.get(_key(charge)) or b"")
    for place in range(_SPENT.size, len(value), _ENTRY.size):
        begin, latest, count = _ENTRY.unpack_from(value, place)
        if begin <= at <= latest:
            returned = min(charge.cost, count)
            _ENTRY.pack_into(value, place, begin, latest, count - returned)
            _SPENT.pack_into(value, 0, _SPENT.unpack_from(value)[0] - returned)
            txn.put(_key(charge), bytes(value))
            return


def _key(charge: Charge) -> bytes:
    return _key_of(charge.key, charge.rate.policy, charge.rate.window_seconds)


@lru_cache(4096)
def _key_of(whose: str, policy: str, window_seconds: int) -> bytes:
    named = f"{whose}\0{policy}".encode("utf-8", "surrogatepass")
    return blake2b(named, digest_size=16).digest() + _WINDOW.pack(window_seconds)


def _counting(txn: Any, key: bytes, rate: Rate, now: float) -> tuple[int, bytes]:
    """Return what still counts: the sum of the costs, and the entries, packed, oldest first.

    Only what has run out is looked at, so the time does not grow with what is kept.
    """
    value = txn.get(key)
    if value is None:
        return 0, b""
    ahead = _ENTRY.unpack_from(value, len(value) - _ENTRY.size)[1] - now
    if ahead > 0:
        value = _moved_back(value, ahead)
        txn.put(key, value)  # also for a refusal, or its time would never run
    (spent,) = _SPENT.unpack_from(value)
    place, since = _SPENT.size, now - rate.window_seconds
    while place < len(value):
        _, latest, count = _ENTRY.unpack_from(value, place)
        if latest >= since:
            break
        spent -= count
        place += _ENTRY.size
    return spent, value[place:]


def _moved_back(value: bytes, seconds: float) -> bytes:
    """Return the entries as if they had been written so many seconds earlier."""
    entries = _ENTRY.iter_unpack(value[_SPENT.size :])
    moved = [_ENTRY.pack(begin - seconds, last - seconds, cost) for begin, last, cost in entries]
    return value[: _SPENT.size] + b"".join(moved)


def _free_at(charge: Charge, spent: int, entries: bytes, now: float) -> float:
    """Return when *charge* can be paid, or, where it can now, when the first place is free."""
    free, window = charge.rate.limit - spent, charge.rate.window_seconds
    free_at, allowed = now + window, charge.cost <= free
    for _, latest, count in _ENTRY.iter_unpack(entries):
        free_at = latest + window
        free += count
        if allowed or charge.cost <= free:
            break
    return free_at
