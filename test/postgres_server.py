"""A real PostgreSQL: a cluster of its own in a temporary folder, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pwd import getpwnam, struct_passwd
from typing import Final

import psycopg
import pytest

from test.e2e.calls import until
from test.e2e.server import free_port

USER: Final = "gate"
_FAST: Final = ("-F", "-c", "unix_socket_directories=")


@dataclass(slots=True)
class Postgres:
    """A cluster that starts and stops; ``password`` is its only user's."""

    folder: Path
    programs: Path
    port: int
    password: str
    runs_as: struct_passwd | None
    process: subprocess.Popen[bytes] | None = field(default=None)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and return its url."""
        name = f"audit_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self) -> None:
        address = ("-h", "127.0.0.1", "-p", str(self.port))
        self.process = self._popen("postgres", *address, *_FAST)
        until(self._answers, "PostgreSQL did not start", seconds=30)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End every connection and the server: SIGINT keeps what was written, SIGQUIT need not."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def make(self) -> None:
        """Write the cluster's files."""
        password = self.folder / "password"
        password.write_text(self.password)
        if self.runs_as is not None:
            for path in (self.folder, password):
                os.chown(path, self.runs_as.pw_uid, self.runs_as.pw_gid)
        options = ("--no-sync", "--auth=scram-sha-256", f"--pwfile={password}", "--locale=C")
        made = self._popen("initdb", "-U", USER, "-E", "UTF8", *options)
        assert made.wait(60) == 0, (self.folder / "output").read_text()

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = self.runs_as
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                [str(self.programs / program), "-D", str(self.folder / "data"), *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "output").read_text()
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Yield a running cluster; skip where PostgreSQL is not installed, fail there in CI."""
    programs = _programs()
    # Not below pytest's folder, which is closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-postgres-"))
    found = Postgres(folder, programs, free_port(), secrets.token_hex(12), _user())
    try:
        found.make()
        found.start()
        yield found
    finally:
        found.stop(signal.SIGQUIT)
        shutil.rmtree(folder)


def _programs() -> Path:
    """Return the folder of initdb and postgres: Debian does not put it on the path."""
    on_path = shutil.which("initdb")
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    message = "needs initdb: apt-get install postgresql"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def _user() -> struct_passwd | None:
    """Return whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return getpwnam(name)
        except KeyError:
            continue
    pytest.skip("needs a user besides root")
