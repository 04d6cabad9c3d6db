"""How many bodies may be read at once: a body that drips must not hold every thread."""

from __future__ import annotations

import threading
from typing import Final

from app.errors import OverloadedError

_SHARE: Final = 2


class Readers:
    """Counts the bodies that one worker reads, in all and by subject.

    No WSGI server interrupts a read, so slow senders are kept few instead. A subject may read one
    more body while it holds less than half of the places that are free: alone it gets a third
    of them all, and the more are taken, the fewer it gets, so that whoever holds none gets one as
    long as there is one (dynamic thresholds, Choudhury and Hahne 1998). To take them all, of 64
    threads, 9 subjects must act together.

    Args:
        threads: of one worker; an eighth of them never reads, and answers what has no body.
    """

    def __init__(self, threads: int) -> None:
        self._free = max(1, threads - max(1, threads // 8))
        self._by_subject: dict[str, int] = {}
        self._lock = threading.Lock()

    def reading(self, subject: str) -> _Place:
        """Return a place for one body of *subject*, to be held while it is read.

        Entering it raises OverloadedError when too many bodies are still being read.
        """
        return _Place(self, subject)

    def take(self, subject: str) -> None:
        """Take a place.

        Raises:
            OverloadedError: too many bodies are still being read.
        """
        with self._lock:
            held = self._by_subject.get(subject, 0)
            if held * _SHARE >= self._free:
                raise OverloadedError("Too many request bodies are still on their way.")
            self._by_subject[subject] = held + 1
            self._free -= 1

    def leave(self, subject: str) -> None:
        """Give the place back."""
        with self._lock:
            self._free += 1
            held = self._by_subject.pop(subject) - 1
            if held:
                self._by_subject[subject] = held


class _Place:
    """A context that costs a third of one made by ``contextlib``."""

    __slots__ = ("_readers", "_subject")

    def __init__(self, readers: Readers, subject: str) -> None:
        self._readers = readers
        self._subject = subject

    def __enter__(self) -> None:
        self._readers.take(self._subject)

    def __exit__(self, *_: object) -> None:
        self._readers.leave(self._subject)
