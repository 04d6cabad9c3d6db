"""The audit log of a real gateway: what a kill may cost, what a stop may not, and who tampers."""

from __future__ import annotations

import http.client
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from app.wiring import audit_log
from scripts import verify_audit
from test.builders import a_token
from test.e2e.calls import PREDICT, a_body, json_headers, send, until
from test.e2e.server import Server, kill, running_server
from test.postgres_server import running_postgres
from test.unit.scripts.process import Done, enter

pytestmark = pytest.mark.e2e
Verify = Callable[..., Done]
CLIENTS = 6
WORKERS = 2
FLUSH_SECONDS = 0.5
MARGIN_SECONDS = 1.5  # for the write itself, on a busy machine


@dataclass(slots=True)
class Answered:
    """When each request, by its id, was answered with 200."""

    at: dict[str, float] = field(default_factory=dict)

    def wait_for_more(self, count: int) -> None:
        wanted = len(self.at) + count
        until(lambda: len(self.at) >= wanted, f"not {count} more answers", seconds=60)


@contextmanager
def asking(server: Server) -> Iterator[Answered]:
    """Keep clients calling until the block ends, each request with an id of its own."""
    answered, stop = Answered(), threading.Event()

    def call(client: int) -> None:
        connection = server.connect()
        headers, body, count = json_headers(a_token(sub=f"client-{client}")), a_body(), 0
        while not stop.is_set():
            count += 1
            headers["X-Request-ID"] = f"client-{client}-{count}"
            try:
                reply = send(connection, "POST", PREDICT, body=body, headers=headers)
                if reply.status == 200:
                    answered.at[headers["X-Request-ID"]] = time.time()
            except (OSError, http.client.HTTPException):
                connection.close()
                stop.wait(0.01)
            stop.wait(0.002)
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        started = [pool.submit(call, client) for client in range(CLIENTS)]
        try:
            yield answered
        finally:
            stop.set()
    for client in started:
        client.result()


@contextmanager
def audited(root: Path, kind: str, flush_seconds: float, **environment: str) -> Iterator[Server]:
    with running_server(
        root,
        SERVER=kind,
        WORKERS=str(WORKERS),
        RATE_LIMIT="1000000 per minute",
        GATEHOUSE_AUDIT__FLUSH_SECONDS=str(flush_seconds),
        **environment,
    ) as server:
        server.wait_for_workers(WORKERS)
        yield server


def kept(server: Server) -> set[str]:
    """The ids of the requests that the log remembers, which must be there once each."""
    with audit_log(server.settings).opened() as log:
        found = [record.request_id for record in log.between(0, 2**62)]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs ``scripts/verify_audit.py`` over the log of a server."""

    def verify(server: Server, **environment: str) -> Done:
        with monkeypatch.context() as patch:
            enter(server.root, patch)
            for name, value in environment.items():
                patch.setenv(name, value)
            status = verify_audit.main([])
        said = capsys.readouterr()
        return Done([], status, said.out, said.err)

    return verify


def test_a_killed_worker_loses_what_was_not_flushed_and_nothing_else(
    tmp_path: Path, kind: str, verified: Verify
) -> None:
    with audited(tmp_path, kind, FLUSH_SECONDS) as server:
        with asking(server) as answered:
            answered.wait_for_more(100)
            long_enough = time.time() + FLUSH_SECONDS + MARGIN_SECONDS
            until(lambda: time.time() > long_enough, "the clock stands still")
            victim = max(server.served().items(), key=lambda item: item[1])[0]
            killed_at = time.time()
            kill(victim)
            answered.wait_for_more(100)
        server.stop()

    remembered = kept(server)
    lost = {name: at for name, at in answered.at.items() if name not in remembered}
    earliest = killed_at - FLUSH_SECONDS - MARGIN_SECONDS
    assert min(answered.at.values()) < earliest
    assert [at for at in lost.values() if not earliest <= at <= killed_at + MARGIN_SECONDS] == []
    found = verified(server)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout

    file = server.root / "runtime" / "audit.sqlite"
    with closing(sqlite3.connect(file)) as database, database:
        changed = database.execute(
            "UPDATE audit_records SET outputs = '{}' WHERE rowid = 100 RETURNING request_id"
        ).fetchone()[0]
    found = verified(server)
    assert found.returncode == 1
    assert found.stdout.startswith("changed: record ")
    assert f"(request {changed} at 20" in found.stdout


def test_a_stop_under_load_loses_nothing(tmp_path: Path, kind: str, verified: Verify) -> None:
    with audited(tmp_path, kind, 60) as server, asking(server) as answered:
        answered.wait_for_more(300)
        assert server.stop() == 0

    assert set(answered.at) - kept(server) == set()
    found = verified(server)
    assert found.returncode == 0, found.stdout
    assert "0 records since the last signed head" in found.stdout


def test_a_gateway_that_writes_to_postgresql_loses_nothing_at_a_stop(
    tmp_path: Path, verified: Verify
) -> None:
    with running_postgres() as postgres:
        url = postgres.new_database()
        environment = {"GATEHOUSE_AUDIT__URL": url}
        with audited(tmp_path, "granian", 60, **environment) as server, asking(server) as answered:
            answered.wait_for_more(300)
            assert server.stop() == 0

        assert set(answered.at) - kept(server) == set()
        found = verified(server, **environment)
        assert found.returncode == 0, found.stdout + found.stderr
        with psycopg.connect(url) as database:
            database.execute("UPDATE audit_records SET subject = 'nobody' WHERE seq = 7")
        found = verified(server, **environment)
        assert found.returncode == 1
        assert found.stdout.count("changed: record 7 of writer") == WORKERS
        assert not (server.root / "runtime" / "audit.sqlite").exists()
