from __future__ import annotations

import multiprocessing
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from app.lifecycle.batch.workers import _handed_out


def hears_no_interrupt_after(seconds: Any) -> bool:
    time.sleep(seconds)
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_processes_end_with_whoever_handed_out_and_are_not_interrupted_themselves() -> None:
    parts: Any = [0.0, 600.0, 600.0]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        handed_out = _handed_out(pool, hears_no_interrupt_after, parts, 1)
        heard_nothing = next(handed_out)

        handed_out.close()  # type: ignore[attr-defined]  # an iterator that is a generator

    assert heard_nothing
    assert not multiprocessing.active_children()
