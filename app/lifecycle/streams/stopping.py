"""Ending in good order: SIGTERM and SIGINT ask, and whoever works looks between batches."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """Yield an event that the first SIGTERM or SIGINT sets; the second one ends the process."""
    event = threading.Event()
    before = {it: signal.getsignal(it) for it in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _frame: object) -> None:
        event.set()
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, ask)
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
