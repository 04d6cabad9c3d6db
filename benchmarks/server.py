"""Real gateways to measure, in a folder of their own that shares nothing with the project's."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import jwt

from app.settings.overlay import PREFIX, PROJECT, SHORT_NAMES
from benchmarks.messages import data_body, templates
from benchmarks.models import Model
from benchmarks.processes import NotUpError, Started, started
from benchmarks.stripped import VARIABLE

PATH: Final = "/api/v1/predict"
CACHE_ENTRIES: Final = 1024
_UP_SECONDS: Final = 120.0
_NOT_OURS: Final = frozenset({*SHORT_NAMES, "PYTHONDONTWRITEBYTECODE"})
# Per second, not per minute: what the limit keeps of one subject is then complete after a second
# of load, so the first slice pays for it as much as the last. The audit log is written ten times as
# often as by default, so that a slice pays for what it has caused.
_CONFIG: Final = """\
rate_limit: 1000000000 per second
server: {drain_seconds: 0}
log: {access: false}
audit: {flush_seconds: 0.1}
"""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder with settings, a promoted model and a secret; gateways run in it."""

    root: Path
    secret: str
    model: Model

    @classmethod
    def build(cls, root: Path, model: Model) -> Workshop:
        """Write the settings into *root*, then register and promote *model* there.

        Raises:
            SystemExit: a command failed; its output is in the message.
        """
        (root / "configs").mkdir(parents=True)
        (root / "configs" / "dev.yaml").write_text("{}\n", encoding="utf-8")
        (root / "config.yaml").write_text(_CONFIG, encoding="utf-8")
        workshop = cls(root, secrets.token_hex(32), model)
        workshop.register()
        workshop._run("scripts/promote_model.py", model.name, "--to", "dev")
        return workshop

    def register(self) -> None:
        """Store the model as one more version."""
        file, sample = str(self.model.file), str(self.model.sample)
        self._run("scripts/register_model.py", file, "--name", self.model.name, "--sample", sample)

    @contextmanager
    def server(
        self,
        kind: str,
        *,
        cache_entries: int = CACHE_ENTRIES,
        workers: int = 1,
        module: str = "app.serve",
        without: Sequence[str] = (),
    ) -> Iterator[Server]:
        """Start a gateway on a free port of 127.0.0.1, and stop it at the end.

        Args:
            kind: granian or gunicorn.
            cache_entries: answers that it remembers.
            workers: its processes that answer.
            module: what is run; another one is told the settings in the same way.
            without: protections that ``benchmarks.stripped`` leaves out.
        """
        port = free_port()
        environment = self.environment() | {
            VARIABLE: ",".join(without),
            f"{PREFIX}RUNTIME_PATH": str(self.root / f"runtime-{port}"),
            "SERVER": kind,
            "PORT": str(port),
            "WORKERS": str(workers),
            "CACHE_SIZE": str(cache_entries),
        }
        said = self.root / f"{kind}-{port}.log"
        command = [sys.executable, "-m", module]
        with started(command, environment=environment, cwd=PROJECT, said=said) as running:
            yield Server(kind, cache_entries, port, running)

    def token(self, subject: str = "benchmark") -> str:
        """Return a token of *subject* that no gateway has seen yet."""
        now = datetime.now(UTC)
        claims = {
            "sub": subject,
            "roles": ["user"],
            "iat": now,
            "exp": now + timedelta(hours=1),
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, self.secret, algorithm="HS256")

    def messages(self, token: str, n_rows: int = 1) -> tuple[bytes, ...]:
        """Return predict calls of *n_rows* rows as templates with a place for a number."""
        headers = {"Authorization": f"Bearer {token}"}
        return templates(PATH, headers, data_body, self.model.rows(n_rows))

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=PROJECT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")

    def environment(self) -> dict[str, str]:
        """Return what a process needs to find these settings."""
        return clean_environment() | {
            "APP_ENV": "dev",
            "CONFIG_PATH": str(self.root / "config.yaml"),
            "JWT_SECRET": self.secret,
        }


@dataclass(frozen=True, slots=True)
class Server:
    """A gateway that was started."""

    kind: str
    cache_entries: int
    port: int
    running: Started

    def wait_until_up(self) -> None:
        """Return as soon as it is ready to answer.

        Raises:
            SystemExit: it has ended, or is not ready in time; its last words are in the message.
        """
        try:
            self.running.wait_until(lambda: _is_ready(self.port), at_most=_UP_SECONDS)
        except NotUpError as error:
            raise SystemExit(f"the {self.kind} gateway did not come up:\n{error}") from error

    def cpu_seconds(self) -> float:
        """Return user and system time of all its processes so far."""
        return self.running.cpu_seconds()


def clean_environment() -> dict[str, str]:
    """Return ours without what would change a server or slow down its start."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_OURS and not name.startswith(PREFIX)
    }


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200  # noqa: PLR2004  OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
