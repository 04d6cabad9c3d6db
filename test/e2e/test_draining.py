from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from test.e2e import exposition
from test.e2e.calls import PREDICT, Address, Reply, a_body, ask, json_headers, predict, send, until
from test.e2e.estimators import FOLDER, WAIT
from test.e2e.obedient import an_obedient_model
from test.e2e.server import Server, children, is_alive, project, running_server, starting_server

pytestmark = pytest.mark.e2e
LONG = {"GATEHOUSE_SERVER__DRAIN_SECONDS": "100", "GATEHOUSE_SERVER__STOP_SECONDS": "100"}


@pytest.fixture
def leaving(kind: str, tmp_path: Path) -> Iterator[Server]:
    """A server that will be told to stop, and by its settings may take minutes."""
    an_obedient_model(project(tmp_path))
    with running_server(tmp_path, SERVER=kind, **{FOLDER: str(tmp_path)}, **LONG) as server:
        yield server


@contextmanager
def _request_in_flight(server: Server) -> Iterator[Future[Reply]]:
    """Keep one request waiting for the file "7"."""
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(predict, server, [WAIT, 7.0])
        until(lambda: exposition.in_flight(server) > 1, "the slow request did not arrive")
        try:
            yield slow
        finally:
            (server.root / "7").touch()


def _status(server: Address, path: str) -> int:
    """Return the status of *path*, 0 when nobody listens."""
    try:
        return ask(server, "GET", path).status
    except OSError:
        return 0


def test_sigterm_fails_readiness_first_and_lets_requests_finish(leaving: Server) -> None:
    below = [leaving.master, *children(leaving.master)]
    with _request_in_flight(leaving) as slow, closing(leaving.connect()) as kept:
        assert send(kept, "GET", "/readyz").status == 200

        leaving.process.send_signal(signal.SIGTERM)
        until(lambda: _status(leaving, "/readyz") == 503, "readiness does not fail")
        assert ask(leaving, "GET", "/readyz").json() == {"status": "draining"}
        assert send(kept, "POST", PREDICT, body=a_body(), headers=json_headers()).status == 200
        assert ask(leaving, "GET", "/livez").status == 200

        leaving.process.send_signal(signal.SIGTERM)  # as if the time to drain were over
        assert kept.sock.recv(1) == b"", "an idle connection is not closed"
        assert not slow.done()
        (leaving.root / "7").touch()
        assert slow.result().status == 200

    assert leaving.process.wait(60) == 0
    assert _status(leaving, "/livez") == 0
    until(lambda: not any(map(is_alive, below)), "processes are left behind")
    assert not leaving.settings.draining_file.exists()


def test_sigint_stops_at_once(leaving: Server) -> None:
    with _request_in_flight(leaving) as slow:
        started = time.monotonic()

        assert leaving.stop(signal.SIGINT) == 0

        assert time.monotonic() - started < 30
        assert isinstance(slow.exception(), OSError)
        assert _status(leaving, "/livez") == 0


def test_sigint_cuts_the_draining_short(tmp_path: Path) -> None:
    an_obedient_model(project(tmp_path))
    with running_server(tmp_path, **LONG) as server:
        server.process.send_signal(signal.SIGTERM)
        until(lambda: _status(server, "/readyz") == 503, "readiness does not fail")
        started = time.monotonic()

        assert server.stop(signal.SIGINT) == 0

        assert time.monotonic() - started < 30


def test_a_stop_does_not_wait_for_workers_that_are_still_loading(tmp_path: Path) -> None:
    """Such a worker misses the first signal, and would serve until the server loses patience."""
    with starting_server(tmp_path, GATEHOUSE_SERVER__STOP_SECONDS="100") as server:
        worker = until(lambda: children(server.master)[:1], "there is no worker", seconds=60)
        started = time.monotonic()

        assert server.stop() == 0

        assert time.monotonic() - started < 50
        until(lambda: not is_alive(worker[0]), "the worker is left behind")
