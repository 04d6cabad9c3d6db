"""Servers on one core and the load on another, where there are two."""

from __future__ import annotations

import gc
import os
import signal
import sys


def begin_loading(core: int | None) -> None:
    """Make this process a quiet load generator on *core*."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked for load
    use(core)
    gc.disable()  # a slice makes no circles; a collection would show up as latency


def cores() -> tuple[int | None, int | None]:
    """Return a core for the servers and one for the load, where there are two to choose."""
    if sys.platform != "linux":
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[-1], allowed[0]) if len(allowed) > 1 else (None, None)


def use(*chosen: int | None) -> None:
    """Stay on these cores from now on, with everything that is started from here."""
    known = {core for core in chosen if core is not None}
    if sys.platform == "linux" and known:
        os.sched_setaffinity(0, known)


def say(what: str) -> None:
    """Tell whoever waits what is going on."""
    print(what, file=sys.stderr, flush=True)
