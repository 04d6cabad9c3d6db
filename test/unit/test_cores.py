from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from app.cores import claim_core

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system keeps no process on a core"
)
FORK = multiprocessing.get_context("fork")


def _claim(folder: Path, told: Connection, go: Connection) -> None:
    told.send((claim_core(folder), os.sched_getaffinity(0)))
    go.recv()


@contextmanager
def a_worker(folder: Path) -> Iterator[tuple[int | None, set[int]]]:
    """A process that claims a core and lives until the block ends: its claim and its cores."""
    ours, theirs = FORK.Pipe()
    waits, go = FORK.Pipe()
    worker = FORK.Process(target=_claim, args=(folder, theirs, waits))
    worker.start()
    try:
        yield ours.recv()
    finally:
        go.send(None)
        worker.join()


def test_each_worker_has_a_core_of_its_own_and_one_too_many_any(tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    with ExitStack() as stack:
        found = [stack.enter_context(a_worker(tmp_path)) for _ in range(len(cores) + 1)]

    assert {core for core, _ in found[:-1]} == cores
    assert [allowed for _, allowed in found[:-1]] == [{core} for core, _ in found[:-1]]
    assert found[-1] == (None, cores)


def test_the_core_of_a_worker_that_has_gone_is_free(tmp_path: Path) -> None:
    n_cores = len(os.sched_getaffinity(0))
    for _ in range(n_cores + 1):
        with a_worker(tmp_path) as (claimed, _):
            assert claimed is not None
