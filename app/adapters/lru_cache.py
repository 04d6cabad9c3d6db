"""Answers of one worker, the least recently used forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict

from app.domain.ports import CacheKey


class LruCache:
    """Fulfils the port ``Cache``; threads may share it.

    Args:
        max_entries: answers remembered, 1 or more.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[CacheKey, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> bytes | None:
        """Return what was put under *key* and is still remembered."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: CacheKey, value: bytes) -> None:
        """Remember *value*."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
