"""Limits in LMDB: one count for all workers of the machine, with nothing to install.

A subject's accepted requests are kept, for each window, as entries of time and cost. Requests that
come within 1/128 of a window share an entry, which takes the later time: so at most 129 entries
are kept for a rate of any size, and in no stretch of one window's length is more accepted
than the limit; a place is free again at most 1/128 of the window late.
"""

from __future__ import annotations

import math
import os
import struct
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import lmdb

from app.domain.ports import Metrics
from app.domain.rates import Admission, Rate
from app.errors import LimitStoreDownError

SLICES: Final = 128
MAP_BYTES: Final = 256 * 1024 * 1024
_SWEPT_PER_WRITE: Final = 2
_ENTRY: Final = struct.Struct("<ddq")  # begin of the slice, its latest request, their cost
_OPEN: Final[dict[tuple[int, str], Any]] = {}
_OPENING: Final = threading.Lock()
_SPENT: Final = struct.Struct("<q")  # sum of the costs, in front of the entries
_WINDOW: Final = struct.Struct(">I")


class LmdbLimits:
    """Fulfils the port ``Limits``; processes share the file, threads the object.

    A worker killed at any moment leaves the last finished transaction. The file is not flushed
    to the disk: losing the counts with the machine's power costs at most one window.
    """

    def __init__(self, path: Path, metrics: Metrics, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._metrics = metrics
        self._now = now
        self._environment: Any = None
        self._swept_to = b""

    def admit(self, key: str, rates: Sequence[Rate], cost: int = 1) -> Admission:
        """Spend *cost* of every rate of *key*, or of none when one of them lacks it.

        Raises:
            LimitStoreDownError: the file cannot be read or written.
        """
        name = blake2b(key.encode("utf-8", "surrogateescape"), digest_size=16).digest()
        try:
            with self._open().begin(write=True) as txn:
                now = self._now()
                self._sweep(txn, now)
                return _spend(txn, name, rates, cost, now)
        except (lmdb.Error, OSError) as error:
            self._metrics.limit_store_failed()
            raise LimitStoreDownError("The rate limit cannot be counted now.") from error

    def _open(self) -> Any:
        """Return the open file, opened in the process that uses it.

        LMDB takes a file once in a process, and a handle does not survive a fork.
        """
        if self._environment is None:
            with _OPENING:
                place = (os.getpid(), str(self._path.absolute()))
                if place not in _OPEN:
                    self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    _OPEN[place] = lmdb.open(
                        str(self._path),
                        map_size=MAP_BYTES,
                        subdir=False,
                        mode=0o600,
                        sync=False,
                        metasync=False,
                        max_dbs=0,
                    )
                self._environment = _OPEN[place]
        return self._environment

    def _sweep(self, txn: Any, now: float) -> None:
        """Forget what has run out among the next few keys, so that the file stays small."""
        cursor = txn.cursor()
        if not cursor.set_range(self._swept_to + b"\0"):
            self._swept_to = b""
            return
        for _ in range(_SWEPT_PER_WRITE):
            key = bytes(cursor.key())
            latest = _ENTRY.unpack_from(cursor.value(), len(cursor.value()) - _ENTRY.size)[1]
            self._swept_to = key
            over = latest + _WINDOW.unpack(key[-_WINDOW.size :])[0] < now
            if not (cursor.delete() if over else cursor.next()) or not cursor.key():
                return


def _spend(txn: Any, name: bytes, rates: Sequence[Rate], cost: int, now: float) -> Admission:
    kept = [(rate, *_counting(txn.get(_key(name, rate)), rate, now)) for rate in rates]
    verdicts = [_verdict(rate, spent, entries, cost, now) for rate, spent, entries in kept]
    refused = [verdict for verdict in verdicts if not verdict.allowed]
    if refused:
        return max(refused, key=lambda verdict: verdict.reset_seconds)
    for rate, spent, entries in kept:
        begin, count = now, cost
        if entries:
            last_begin, _, last_count = _ENTRY.unpack_from(entries, len(entries) - _ENTRY.size)
            if now - last_begin < rate.window_seconds / SLICES:
                begin, count = last_begin, last_count + cost
                entries = entries[: -_ENTRY.size]  # noqa: PLW2901  the last entry is written anew
        value = _SPENT.pack(spent + cost) + entries + _ENTRY.pack(begin, now, count)
        txn.put(_key(name, rate), value)
    return min(verdicts, key=lambda verdict: verdict.remaining / verdict.rate.limit)


def _key(name: bytes, rate: Rate) -> bytes:
    return name + _WINDOW.pack(rate.window_seconds)


def _counting(value: bytes | None, rate: Rate, now: float) -> tuple[int, bytes]:
    """Return what still counts: the sum of the costs, and the entries, packed, oldest first.

    Only what has run out is looked at, so the time does not grow with what is kept.
    """
    if value is None:
        return 0, b""
    (spent,) = _SPENT.unpack_from(value)
    place, since = _SPENT.size, now - rate.window_seconds
    while place < len(value):
        _, latest, count = _ENTRY.unpack_from(value, place)
        if latest >= since:
            break
        spent -= count
        place += _ENTRY.size
    if _ENTRY.unpack_from(value, len(value) - _ENTRY.size)[1] > now:
        return 0, b""  # the clock was set back
    return spent, value[place:]


def _verdict(rate: Rate, spent: int, entries: bytes, cost: int, now: float) -> Admission:
    remaining = rate.limit - spent
    allowed = cost <= remaining
    free_at, free = now + rate.window_seconds, remaining
    for _, latest, count in _ENTRY.iter_unpack(entries):
        free_at = latest + rate.window_seconds
        free += count
        if allowed or cost <= free:
            break
    reset_seconds = max(1, math.ceil(free_at - now))
    return Admission(allowed, rate, max(0, remaining - cost * allowed), reset_seconds)
