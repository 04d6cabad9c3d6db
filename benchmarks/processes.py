"""Servers as groups of processes: what they have used, what they hold, and how they are ended."""

from __future__ import annotations

import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.memory import group_mib

_TAG: Final = "BENCH_TAG"
_PROC: Final = Path("/proc")
_TERM_SECONDS: Final = 10.0
_KILL_SECONDS: Final = 5.0
_SAID_LINES: Final = 20
_LOOK_EVERY_SECONDS: Final = 0.02
_QUIET_SECONDS: Final = 10.0
_QUIET_FOR_SECONDS: Final = 0.2
_QUIET_SHARE: Final = 0.2  # some servers use up to a tenth of a core when nobody asks them


class NotUpError(Exception):
    """A server has ended, or did not answer in time; its last words are in the message."""


@dataclass(frozen=True, slots=True)
class Started:
    """A server that was started, with all that it has started itself, and its output in ``said``.

    Attributes:
        tag: stands in the environment of each of its processes, whoever their parent is by now.
        at: when it was started, of ``time.monotonic()``.
    """

    process: subprocess.Popen[bytes]
    said: Path
    tag: str
    at: float

    def wait_until(self, answers: Callable[[], bool], *, at_most: float) -> float:
        """Return the seconds from the start until *answers* is true.

        Raises:
            NotUpError: the server has ended, or *at_most* seconds have passed.
        """
        while self.process.poll() is None and time.monotonic() < self.at + at_most:
            if answers():
                return time.monotonic() - self.at
            time.sleep(_LOOK_EVERY_SECONDS)
        words = self.said.read_text(encoding="utf-8", errors="replace").splitlines()
        raise NotUpError("\n".join(words[-_SAID_LINES:]) or "it said nothing")

    def cpu_seconds(self) -> float:
        """Return user and system time of all its processes so far, ended ones included."""
        return tagged_cpu_seconds(self.tag)

    def cpu_seconds_when_quiet(self) -> float:
        """Return the same as soon as what was asked of it has been worked off, audit log and all.

        A server that keeps its core busy for longer than :data:`_QUIET_SECONDS` is not waited for.
        """
        give_up = time.monotonic() + _QUIET_SECONDS
        used = self.cpu_seconds()
        while time.monotonic() < give_up:
            time.sleep(_QUIET_FOR_SECONDS)
            before, used = used, self.cpu_seconds()
            if not used - before > _QUIET_SHARE * _QUIET_FOR_SECONDS:
                return before
        return used

    def busiest(self) -> int:
        """Return the process that has used most CPU time so far: under load, a worker."""
        return max(_tagged(self.tag), key=_ticks)

    def pss_mib(self) -> float:
        """Return the memory of all its processes; what several of them share counts once."""
        return group_mib(filter(None, map(_smaps, _tagged(self.tag))))

    def busiest_pss_mib(self) -> float:
        """Return the memory of the busiest process alone, its libraries in full."""
        return group_mib([_smaps(self.busiest())])


@contextmanager
def started(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, said: Path
) -> Iterator[Started]:
    """Start a server; at the end, end all its processes."""
    tag = secrets.token_hex(8)
    with said.open("wb") as output:
        at = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment, _TAG: tag},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Started(process, said, tag, at)
    finally:
        _end(process, tag)


def tagged_cpu_seconds(tag: str) -> float:
    """Return user and system time of the processes with *tag*; NaN where there is no /proc.

    The kernel gives hundredths, so a second of load is known to about a hundredth.
    """
    if sys.platform != "linux":
        return math.nan
    ticks = sum(_ticks(pid) for pid in _tagged(tag))
    return ticks / os.sysconf("SC_CLK_TCK")


def idle_seconds(cores: Sequence[int]) -> float:
    """Return for how long *cores* together had nothing to do since the machine was started."""
    names = {f"cpu{core}" for core in cores}
    lines = (_PROC / "stat").read_text(encoding="utf-8").splitlines()
    fields = [line.split() for line in lines]
    ticks = sum(int(idle) + int(wait) for name, *_, idle, wait in _first_six(fields, names))
    return ticks / os.sysconf("SC_CLK_TCK")


def _first_six(fields: Sequence[Sequence[str]], names: set[str]) -> Iterator[Sequence[str]]:
    """Yield the name, then user, nice, system, idle and waiting time of each core in *names*."""
    return (line[:6] for line in fields if line and line[0] in names)


def _tagged(tag: str) -> list[int]:
    mark = f"{_TAG}={tag}".encode()
    found = []
    for entry in _PROC.glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or gone by now
            if mark in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
    return found


def _ticks(pid: int) -> int:
    """Return user and system time of *pid* and of the children that it has buried."""
    try:
        # The name stands in parentheses and may hold anything; fields are counted behind it.
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return 0
    return sum(int(field) for field in text.rpartition(")")[2].split()[11:15])


def _smaps(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "smaps").read_text(errors="replace")
    except OSError:
        return ""


def _end(process: subprocess.Popen[bytes], tag: str) -> None:
    """Ask the first process to end, wait for all, and kill what is left."""
    process.terminate()
    if not _is_gone(process, tag, _TERM_SECONDS):
        for pid in _tagged(tag):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.kill()
        _is_gone(process, tag, _KILL_SECONDS)


def _is_gone(process: subprocess.Popen[bytes], tag: str, patience_seconds: float) -> bool:
    give_up = time.monotonic() + patience_seconds
    while process.poll() is None or _tagged(tag):
        if time.monotonic() > give_up:
            return False
        time.sleep(_LOOK_EVERY_SECONDS)
    return True
