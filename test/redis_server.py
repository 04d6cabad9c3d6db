"""A real Redis on a port of its own, that a test may stop and start again."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from test.e2e.programs import require_program
from test.e2e.server import free_port

START_SECONDS = 20.0


class RedisServer:
    """A Redis that forgets all when it stops."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start on the same port as ever, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                self._program,
                *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)),
                *("--save", "", "--appendonly", "no", "--loglevel", "warning"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended at its start"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it at once, with everything it knows."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it accept connections and answer nothing, until the block ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def connected(self) -> Iterator[redis.Redis]:
        """A client of the test's own."""
        with redis.Redis(port=self.port, socket_timeout=START_SECONDS) as client:
            yield client

    def _answers(self) -> bool:
        try:
            with self.connected() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Run a Redis until the block ends; without redis-server skip, or fail when ``CI=true``."""
    program = require_program("redis-server", "redis-server")
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(program, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
