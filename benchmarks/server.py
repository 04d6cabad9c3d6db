"""Real gateways to measure, in a folder of their own that shares nothing with the project's."""

from __future__ import annotations

import math
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import jwt

from app.settings.overlay import PREFIX, PROJECT, SHORT_NAMES
from benchmarks.stripped import VARIABLE

_UP_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 40.0
_SAID_LINES: Final = 20
# Per second, not per minute: what the limit keeps of one subject is then complete after a second
# of load, so the first slice pays for it as much as the last. The audit log is written ten times as
# often as by default, so that a slice pays for what it has caused.
_CONFIG: Final = """\
rate_limit: 1000000000 per second
server: {workers: 1, drain_seconds: 0}
log: {access: false}
audit: {flush_seconds: 0.1}
"""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder with settings, a promoted model and a secret; gateways run in it."""

    root: Path
    secret: str

    @classmethod
    def build(cls, root: Path) -> Workshop:
        """Write the settings into *root*, then train and promote iris there.

        Raises:
            SystemExit: a command failed; its output is in the message.
        """
        (root / "configs").mkdir()
        (root / "configs" / "dev.yaml").write_text("{}\n", encoding="utf-8")
        (root / "config.yaml").write_text(_CONFIG, encoding="utf-8")
        workshop = cls(root, secrets.token_hex(32))
        workshop._run("scripts/run_training.py", "--dataset", "iris")
        workshop._run("scripts/promote_model.py", "iris", "--to", "dev")
        return workshop

    @contextmanager
    def server(
        self, kind: str, *, cache_entries: int, without: Sequence[str] | None = None
    ) -> Iterator[Server]:
        """Start a gateway on a free port of 127.0.0.1, and stop it at the end.

        Args:
            kind: granian or gunicorn.
            cache_entries: answers that it remembers.
            without: protections to leave out, on a bare Granian; None for the gateway as it is.
        """
        port = _free_port()
        module = "app.serve" if without is None else "benchmarks.stripped"
        environment = self._environment() | {
            VARIABLE: ",".join(without or ()),
            "SERVER": kind,
            "PORT": str(port),
            "CACHE_SIZE": str(cache_entries),
        }
        said = self.root / f"{kind}-{port}.log"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=PROJECT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Server(kind, cache_entries, port, process, said)
        finally:
            _stop(process)

    def token(self) -> str:
        """Return a token that no gateway has seen yet; its subject is always the same."""
        now = datetime.now(UTC)
        claims = {
            "sub": "benchmark",
            "roles": ["user"],
            "iat": now,
            "exp": now + timedelta(hours=1),
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, self.secret, algorithm="HS256")

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=PROJECT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")

    def _environment(self) -> dict[str, str]:
        """Return ours without what would change the gateway or slow down its start."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in {*SHORT_NAMES, "PYTHONDONTWRITEBYTECODE"} and not name.startswith(PREFIX)
        }
        return kept | {
            "APP_ENV": "dev",
            "CONFIG_PATH": str(self.root / "config.yaml"),
            "JWT_SECRET": self.secret,
        }


@dataclass(frozen=True, slots=True)
class Server:
    """A gateway that was started, with its output in ``said``."""

    kind: str
    cache_entries: int
    port: int
    process: subprocess.Popen[bytes]
    said: Path

    def wait_until_up(self) -> None:
        """Return as soon as it is ready to answer.

        Raises:
            SystemExit: it has ended, or is not ready in time; its last words are in the message.
        """
        give_up = time.monotonic() + _UP_SECONDS
        while self.process.poll() is None and time.monotonic() < give_up:
            if _is_ready(self.port):
                return
            time.sleep(0.1)
        words = self.said.read_text(encoding="utf-8", errors="replace").splitlines()
        last = "\n".join(words[-_SAID_LINES:])
        raise SystemExit(f"the {self.kind} gateway did not come up:\n{last}")

    def cpu_seconds(self) -> float:
        """Return user and system time of all its living processes so far."""
        return tree_cpu_seconds(self.process.pid)


def tree_cpu_seconds(root: int) -> float:
    """Return user and system time of process *root* and all below it; NaN where there is no /proc.

    The clock ticks a hundred times a second, so a second of load is known to about a hundredth.
    """
    if sys.platform != "linux":
        return math.nan
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # The name stands in parentheses and may hold anything; fields are counted behind it.
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
    return sum(ticks[pid] for pid in _tree(root, parents)) / os.sysconf("SC_CLK_TCK")


def _tree(root: int, parents: dict[int, int]) -> list[int]:
    found = [root] if root in parents else []
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200  # noqa: PLR2004  OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
