"""Who scores the parts on this machine: threads, or processes where Python itself is the work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait as wait_for
from typing import Final, TypeVar

from threadpoolctl import threadpool_limits

from app.domain.prediction import ServedModel
from app.errors import OperatorError
from app.lifecycle.batch.job import Job
from app.lifecycle.batch.parts import Written, finished, score_part
from app.lifecycle.batch.plan import Part

_COMPILED: Final = frozenset({"linear", "forest", "onnx"})
Given = TypeVar("Given")
_AHEAD: Final = 2  # parts for each worker that are handed out


def score_here(
    job: Job, model: ServedModel, parts: Sequence[Part], n_workers: int
) -> Iterator[Part]:
    """Give each of *parts* when it is done, whichever is first.

    Compiled engines on numbers leave Python alone, and threads share one model. Anything else is
    Python's own work, of which a process does one thing at a time.

    Raises:
        OperatorError: a part cannot be scored; what is done by then stays done.
    """
    is_compiled = model.engine_name in _COMPILED and model.contract.input == "numbers"
    if is_compiled or n_workers == 1:
        # Each thread is a core's worth of work; an engine's own threads would only be in the way.
        with threadpool_limits(1), ThreadPoolExecutor(n_workers) as threads:
            yield from _handed_out(threads, partial(_done, job, model), parts, n_workers)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_workers, context, _begin, (job,)) as processes:
        try:
            for written in _handed_out(processes, _score_mine, parts, n_workers):
                yield finished(job, written)
        except BrokenProcessPool as error:
            raise OperatorError(
                "a worker was killed, perhaps for want of memory. Fix: run the same command again, "
                "with fewer --workers"
            ) from error


def _done(job: Job, model: ServedModel, part: Part) -> Part:
    return finished(job, score_part(job, model, part))


def _handed_out(
    pool: Executor, score: Callable[[Part], Given], parts: Sequence[Part], n_workers: int
) -> Iterator[Given]:
    """Keep *pool* busy, and no more than that; what nobody waits for any more is not begun."""
    waiting, running = deque(parts), set[Future[Given]]()
    try:
        while waiting or running:
            while waiting and len(running) < _AHEAD * n_workers:
                with _deaf():
                    running.add(pool.submit(score, waiting.popleft()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except (KeyboardInterrupt, GeneratorExit):
        for process in multiprocessing.active_children():
            process.terminate()  # none where threads score: these end their parts
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let a process that is begun here hear no Ctrl-C: whoever began it hears, and ends it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_MINE: list[tuple[Job, ServedModel]] = []  # of a process that scores


def _begin(job: Job) -> None:
    """Open the model in a new process, which ends when the one that began it is killed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(1)
    _MINE.append((job, job.opened()))


def _score_mine(part: Part) -> Written:
    job, model = _MINE[0]
    return score_part(job, model, part)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)
