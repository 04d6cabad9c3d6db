"""The real thing: ``python -m app.serve`` on a free port, over a project folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.settings.overlay import PREFIX, PROJECT, SHORT_NAMES
from app.settings.schema import Settings
from test.builders import SECRET, a_promoted_model, some_settings
from test.e2e import exposition
from test.e2e.calls import Address, ask, until

LAUNCHER = (sys.executable, "-m", "app.serve")
START_SECONDS = 60.0
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Address):
    """A launcher that this test started, and what hangs below it."""

    settings: Settings
    process: subprocess.Popen[bytes]
    output: Path
    errors: Path

    @property
    def root(self) -> Path:
        return self.settings.root

    @property
    def master(self) -> int:
        """The server's main process; the launcher replaces it when it ends."""
        return until(lambda: next(iter(children(self.process.pid)), None), "there is no server")

    def served(self) -> dict[int, float]:
        """Return how many requests each living worker has answered, by pid."""
        below = {pid for master in children(self.process.pid) for pid in children(master)}
        return {pid: n for pid, n in exposition.by_worker(self.settings).items() if pid in below}

    def wait_for_workers(self, count: int, *, without: Sequence[int] = ()) -> set[int]:
        """Wait until *count* workers have answered something, none of them in *without*."""

        def found() -> set[int] | None:
            with suppress(OSError):
                ask(self, "GET", "/livez")
            workers = {pid for pid, answered in self.served().items() if answered} - set(without)
            return workers if len(workers) == count else None

        return until(found, f"there are not {count} workers", seconds=START_SECONDS)

    def stderr(self) -> str:
        return self.errors.read_text()

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of standard error that are finished; each must be JSON."""
        finished, _, _ = self.stderr().rpartition("\n")
        return [json.loads(line) for line in finished.split("\n") if line]

    def stdout(self) -> str:
        return self.output.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal the launcher and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def project(root: Path, **environment: str) -> Settings:
    """Write a project folder without a model and return its settings."""
    return some_settings(root, environment)


@contextmanager
def running_server(
    root: Path, *, command: Sequence[str] = LAUNCHER, ready: str = "/readyz", **environment: str
) -> Iterator[Server]:
    """Serve the project folder *root*, with a model promoted, until the block ends.

    Args:
        root: a folder of this test.
        command: what to start instead of the launcher.
        ready: the route that answers 200 when it has started.
        environment: variables of the gateway, such as ``SERVER="gunicorn"``.
    """
    promotes = command is LAUNCHER
    with starting_server(root, command=command, promotes=promotes, **environment) as server:
        until(lambda: _answers(server, ready), "the server did not start", seconds=START_SECONDS)
        yield server


@contextmanager
def starting_server(
    root: Path, *, command: Sequence[str] = LAUNCHER, promotes: bool = True, **environment: str
) -> Iterator[Server]:
    """Start a server without waiting until it answers; stop it when the block ends."""
    environment = {"PORT": str(free_port()), "GATEHOUSE_SERVER__DRAIN_SECONDS": "0"} | environment
    settings = project(root, **environment)
    if promotes and not settings.path(settings.model.model_path).exists():
        a_promoted_model(settings)
    folder = Path(tempfile.mkdtemp(dir=root, prefix="output-"))
    output, errors = folder / "stdout", folder / "stderr"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=variables(settings.root, **environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        yield Server(
            port=settings.server.port,
            is_tls=settings.ssl_cert is not None,
            settings=settings,
            process=process,
            output=output,
            errors=errors,
        )
    finally:
        _end(process)


def _answers(server: Server, route: str) -> bool:
    assert server.process.poll() is None, f"ended at start-up: {server.stderr()}"
    try:
        return ask(server, "GET", route).status == 200
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop what was started, with force when it does not stop by itself."""
    if process.poll() is not None:
        return
    below = _descendants(process.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in [process.pid, *below]:
            kill(pid)
        process.wait()
        raise


def run_launcher(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start the gateway where it must refuse, and return what it said."""
    environment = {"PORT": str(free_port())} | environment
    return subprocess.run(
        LAUNCHER,
        cwd=PROJECT,
        env=variables(root, **environment),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


def variables(root: Path, **environment: str) -> dict[str, str]:
    """Return this process's environment, its own settings replaced by those of the test."""
    ours = {"APP_ENV", "CONFIG_PATH", "PYTHONDONTWRITEBYTECODE", *SHORT_NAMES}
    kept = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith(PREFIX)}
    return kept | {"CONFIG_PATH": str(root / "config.yaml"), "JWT_SECRET": SECRET} | environment


def free_port() -> int:
    """Return a port that nobody has, outside the range that clients get theirs from."""
    while True:
        port = 12_000 + secrets.randbelow(18_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def children(pid: int) -> list[int]:
    """Return the living children of *pid*, oldest first, without helpers of multiprocessing."""
    pids = (int(folder.name) for folder in os.scandir("/proc") if folder.name.isdecimal())
    return sorted(child for child in pids if _parent(child) == pid and not _is_helper(child))


def is_alive(pid: int) -> bool:
    return _parent(pid) is not None


def _parent(pid: int) -> int | None:
    """Return the parent of a process that is alive."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, parent, *_ = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(parent)


def _is_helper(pid: int) -> bool:
    """Say whether *pid* is a resource tracker, or has just ended."""
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def _descendants(pid: int) -> list[int]:
    below = children(pid)
    return below + [deeper for child in below for deeper in _descendants(child)]


def kill(pid: int) -> None:
    """End a process below a server of this test at once, as the kernel does when memory is out."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def health(server: Server) -> dict[str, Any]:
    """Return what the gateway says about its model."""
    found: dict[str, Any] = ask(server, "GET", "/api/v1/health").json()
    return found
