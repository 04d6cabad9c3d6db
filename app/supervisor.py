"""Keeps one server process running until it is told to stop, and drains it before it stops."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger("gatehouse.serve")
_HANDLED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_PR_SET_PDEATHSIG: Final = 1
_SHORT_LIFE_SECONDS: Final = 2.0
_GRACE_SECONDS: Final = 5.0
_AT_ONCE_SECONDS: Final = 1.0
_REMIND_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """Runs ``command`` again whenever it ends by itself.

    A server gives up by itself when its workers die too fast; the gate must stay open.

    Attributes:
        draining: the file whose presence makes readiness fail.
        drain_seconds: from SIGTERM until the server is told to stop.
        stop_seconds: what requests in flight may take after that; SIGINT cuts all this short.
        is_up: whether the server answers.
        when_up: called once, as soon as it does.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    draining: Path
    drain_seconds: float
    stop_seconds: float
    is_up: Callable[[], bool]
    when_up: Callable[[], None]

    def run(self) -> int:
        """Return the exit status: 0 after a stop that was asked for, 1 when it never answered."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        child = self._start()
        if not self._comes_up(child):
            log.error("server ended before it answered", extra={"status": child.returncode})
            _signal_group(child.pid, signal.SIGKILL)
            return 1
        while True:
            born = time.monotonic()
            received = self._wait(child)
            if received is None:
                child = self._again(child, time.monotonic() - born)
                continue
            self._stop(child, at_once=received == signal.SIGINT)
            return 0

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  the command is our own
            self.command,
            env=dict(self.environment),
            process_group=0,
            preexec_fn=_follow_parent,  # noqa: PLW1509  this process has one thread
        )

    def _comes_up(self, child: subprocess.Popen[bytes]) -> bool:
        """Call ``when_up`` as soon as the server answers; a signal meanwhile is kept for later."""
        while child.poll() is None:
            if self.is_up():
                self.when_up()
                return True
            if signal.sigpending() & set(_HANDLED[:2]):
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _wait(self, child: subprocess.Popen[bytes]) -> int | None:
        """Return SIGTERM or SIGINT when it comes, None when *child* has ended."""
        while child.poll() is None:
            received = signal.sigwait(_HANDLED)
            if received != signal.SIGCHLD:
                return received
        return None

    def _again(
        self, child: subprocess.Popen[bytes], lived_seconds: float
    ) -> subprocess.Popen[bytes]:
        log.error("server ended, starting it again", extra={"status": child.returncode})
        # Workers that a dead server has left behind would keep the port.
        _signal_group(child.pid, signal.SIGKILL)
        if lived_seconds < _SHORT_LIFE_SECONDS:
            time.sleep(1.0)
        return self._start()

    def _stop(self, child: subprocess.Popen[bytes], *, at_once: bool) -> None:
        """Fail readiness, give load balancers time to see it, then let the server finish."""
        self.draining.touch()
        if not at_once:
            log.info("draining", extra={"seconds": self.drain_seconds})
            received = signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, self.drain_seconds)
            at_once = received is not None and received.si_signo == signal.SIGINT
        child.terminate()
        _wait_for_end(child, _AT_ONCE_SECONDS if at_once else self.stop_seconds + _GRACE_SECONDS)
        _signal_group(child.pid, signal.SIGKILL)
        child.wait()
        self.draining.unlink(missing_ok=True)
        log.info("stopped")


def _wait_for_end(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Let *child* finish what is in flight; SIGINT leaves it a moment only.

    A worker that is still loading the app when it is told to stop may miss it, so the whole group
    is told again.
    """
    deadline = time.monotonic() + seconds
    while child.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            log.warning("server did not end in time, killed")
            return
        awaited = {signal.SIGINT, signal.SIGCHLD}
        received = signal.sigtimedwait(awaited, min(left, _REMIND_SECONDS))
        if received is None:
            _signal_group(child.pid, signal.SIGTERM)
        elif received.si_signo == signal.SIGINT:
            deadline = min(deadline, time.monotonic() + _AT_ONCE_SECONDS)


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return


def _follow_parent() -> None:
    """In the child: take signals again, and stop when the launcher is gone."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
