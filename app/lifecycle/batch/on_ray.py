"""The same parts on a Ray cluster whose machines reach what this one does: input, output, model."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from threadpoolctl import threadpool_limits

from app.domain.prediction import ServedModel
from app.errors import OperatorError
from app.lifecycle.batch.job import Job
from app.lifecycle.batch.parts import Written, finished, score_part
from app.lifecycle.batch.plan import Part

_AHEAD: Final = 2
_OPENED: Final[dict[str, ServedModel]] = {}  # of a process that scores, by digest


def score_on_ray(
    job: Job, parts: Sequence[Part], address: str | None, n_workers: int
) -> Iterator[Part]:
    """Give each of *parts* when it is done, whichever is first.

    Args:
        job: what they are parts of.
        parts: that are not done yet.
        address: of a cluster; None begins one on this machine, and ends it afterwards.
        n_workers: cores of a cluster on this machine.

    Raises:
        OperatorError: there is no such cluster, or a part cannot be scored.
    """
    with _cluster(address, n_workers) as ray:
        # A task is lost with its machine, and another one does the part again: files are renamed.
        task = ray.remote(num_cpus=1, max_retries=3)(_score)
        shared, waiting = ray.put(job), [*reversed(parts)]
        running: list[Any] = []
        most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        while waiting or running:
            while waiting and len(running) < most:
                running.append(task.remote(shared, waiting.pop()))
            [done], running = ray.wait(running, num_returns=1)
            try:
                yield finished(job, ray.get(done))
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                if isinstance(cause, OperatorError):
                    raise cause from None
                raise


def _score(job: Job, part: Part) -> Written:
    if job.digest not in _OPENED:
        threadpool_limits(1)
        _OPENED.clear()
        _OPENED[job.digest] = job.opened()
    return score_part(job, _OPENED[job.digest], part)


@contextmanager
def _cluster(address: str | None, n_workers: int) -> Iterator[Any]:
    try:
        import ray  # noqa: PLC0415  seconds of import that only this engine needs
    except ImportError:
        raise OperatorError("ray is missing. Fix: make setup-pipeline") from None
    if ray.is_initialized():
        yield ray  # whoever is in a cluster already stays in it
        return
    local: dict[str, Any] = {
        "num_cpus": n_workers,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
    }
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # noqa: TID251  Ray has no other switch
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if address else local),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise OperatorError(
            f"--address {address}: no Ray cluster answers: {said}. Fix: the address of a head "
            "node, such as head:6379; without one a cluster is begun here"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
