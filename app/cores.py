"""Keeps each worker on a core of its own."""

from __future__ import annotations

import fcntl
import os
import random
from io import BufferedWriter
from pathlib import Path
from typing import Final

_CLAIMS: Final[list[BufferedWriter]] = []  # open for as long as the process lives


def claim_core(folder: Path) -> int | None:
    """Keep this process, and every thread that it starts from now on, on one core.

    Threads of one interpreter that run on two cores hand its lock back and forth between them: a
    prediction under load then costs four times the CPU. The claim is a lock on a file, which the
    kernel drops with the process, so a worker in the place of a killed one finds a core free.

    Args:
        folder: that the workers of one gateway share.

    Returns:
        The core; None where every core has its worker, or the system knows no affinity.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    cores = sorted(os.sched_getaffinity(0))
    # Several gateways on one machine do not all begin with its first core.
    for core in random.sample(cores, len(cores)):
        claim = (folder / f"core-{core}.lock").open("wb")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            continue
        _CLAIMS.append(claim)
        os.sched_setaffinity(0, {core})
        return core
    return None
