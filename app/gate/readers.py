"""How many bodies may be read at once: a body that drips must not hold every thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import OverloadedError

_SHARE: Final = 3


class Readers:
    """Counts the bodies that one worker reads, in all and by subject.

    No WSGI server interrupts a read, so slow senders are kept few instead. A subject may read one
    more body while it holds less than a third of the places that are free: alone it gets a quarter
    of them all, and the more are taken, the fewer it gets, so that whoever holds none gets one as
    long as there is one (dynamic thresholds, Choudhury and Hahne 1998). To take them all, of 64
    threads, 12 subjects must act together.

    Args:
        threads: of one worker; an eighth of them never reads, and answers what has no body.
    """

    def __init__(self, threads: int) -> None:
        self._free = max(1, threads - max(1, threads // 8))
        self._by_subject: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, subject: str) -> Iterator[None]:
        """Hold a place for one body of *subject*.

        Raises:
            OverloadedError: too many bodies are still being read.
        """
        with self._lock:
            if self._by_subject[subject] * _SHARE >= self._free:
                raise OverloadedError("Too many request bodies are still on their way.")
            self._by_subject[subject] += 1
            self._free -= 1
        try:
            yield
        finally:
            with self._lock:
                self._free += 1
                self._by_subject[subject] -= 1
                if not self._by_subject[subject]:
                    del self._by_subject[subject]
