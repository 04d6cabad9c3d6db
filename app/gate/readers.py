"""How many bodies may be read at once: a body that drips must not hold every thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import OverloadedError


class Readers:
    """Counts the bodies that one worker reads, in all and by subject.

    No server interrupts a read, so slow senders are kept few instead: some threads always stay
    free, and one subject cannot take the places of all others.

    Args:
        threads: of one worker; three quarters of them may read, a quarter for one subject.
    """

    def __init__(self, threads: int) -> None:
        self._most = max(1, threads * 3 // 4)
        self._most_by_subject = max(1, threads // 4)
        self._by_subject: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, subject: str) -> Iterator[None]:
        """Hold a place for one body of *subject*.

        Raises:
            OverloadedError: too many bodies are still being read.
        """
        with self._lock:
            full = self._by_subject.total() >= self._most
            if full or self._by_subject[subject] >= self._most_by_subject:
                raise OverloadedError("Too many request bodies are still on their way.")
            self._by_subject[subject] += 1
        try:
            yield
        finally:
            with self._lock:
                self._by_subject[subject] -= 1
                if not self._by_subject[subject]:
                    del self._by_subject[subject]
