"""Answers of one worker, the least recently used forgotten first."""

from __future__ import annotations

import threading

from cachetools import LRUCache

Key = tuple[str, bool, bytes]


class LruCache:
    """Fulfils the port ``Cache``; threads may share it.

    Args:
        max_entries: answers remembered, 1 or more.
    """

    def __init__(self, max_entries: int) -> None:
        self._entries: LRUCache[Key, bytes] = LRUCache(max_entries)
        self._lock = threading.Lock()

    def get(self, key: Key) -> bytes | None:
        """Return what was put under *key* and is still remembered."""
        with self._lock:
            return self._entries.get(key)

    def put(self, key: Key, value: bytes) -> None:
        """Remember *value*."""
        with self._lock:
            self._entries[key] = value
