from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from test.builders import a_token
from test.e2e import exposition
from test.e2e.calls import PREDICT, predict, until
from test.e2e.load import CLIENTS, Tally, load
from test.e2e.obedient import an_obedient_model
from test.e2e.server import Server, children, kill, project, running_server

pytestmark = pytest.mark.e2e
WORKERS = 4
LIMIT = 50
BREATH_SECONDS = 5.0


@pytest.fixture(scope="module")
def crowd(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Four workers; each test leaves four."""
    root = tmp_path_factory.mktemp(f"crowd-{kind}")
    an_obedient_model(project(root))
    with running_server(
        root, SERVER=kind, WORKERS=str(WORKERS), RATE_LIMIT=f"{LIMIT} per minute"
    ) as server:
        server.wait_for_workers(WORKERS)
        yield server


def _check_sums(server: Server, before: float, tally: Tally, *, in_flight: int) -> None:
    """The metrics hold all that clients counted, and at most what was *in_flight* at a kill."""
    assert set(tally.statuses) == {200}
    assert server.log(), "what the server says itself is not JSON"
    counted = exposition.predictions(server) - before
    assert tally.accepted <= counted <= tally.accepted + in_flight
    until(
        lambda: exposition.in_flight(server) == 1,
        "requests of a dead worker are still in flight",
    )


def test_the_limit_is_one_for_all_workers(crowd: Server) -> None:
    crowd.wait_for_workers(WORKERS)
    before = exposition.by_worker(crowd.settings, PREDICT)
    token = a_token(sub="everywhere")

    with ThreadPoolExecutor(30) as pool:
        replies = list(pool.map(lambda _: predict(crowd, token=token), range(120)))

    statuses = [reply.status for reply in replies]
    assert statuses.count(200) == LIMIT
    assert statuses.count(429) == 120 - LIMIT
    after = exposition.by_worker(crowd.settings, PREDICT)
    assert sum(after[pid] > before.get(pid, 0) for pid in after) > 1


def test_a_killed_worker_costs_nothing_but_what_it_had_in_flight(crowd: Server) -> None:
    crowd.wait_for_workers(WORKERS)
    before = exposition.predictions(crowd)

    with load(crowd, pause=0.005) as tally:
        tally.wait_for_more(300)
        earlier = exposition.predictions(crowd)
        victim = max(crowd.served().items(), key=lambda item: item[1])[0]
        killed_at = time.monotonic()
        kill(victim)
        tally.wait_for_more(100)
        assert exposition.predictions(crowd) >= earlier
        crowd.wait_for_workers(WORKERS, without=[victim])
        tally.wait_for_more(300)

    assert len(tally.cut_at) <= 2 * CLIENTS
    assert all(killed_at <= moment < killed_at + BREATH_SECONDS for moment in tally.cut_at)
    _check_sums(crowd, before, tally, in_flight=CLIENTS)


def test_workers_may_die_faster_than_the_server_puts_up_with(crowd: Server) -> None:
    """Granian's main process ends when one of its workers dies twice within seconds."""
    workers, master = crowd.wait_for_workers(WORKERS), crowd.master
    before = exposition.predictions(crowd)

    with load(crowd, clients=2, pause=0.02) as tally:
        tally.wait_for_more(20)
        kill(min(workers))
        kill(*until(lambda: set(children(master)) - workers, "no worker was replaced"))
        if crowd.settings.server.kind == "granian":
            until(lambda: crowd.master != master, "the server was not started again", seconds=60)
            assert "server ended, starting it again" in [line["event"] for line in crowd.log()]
        tally.wait_for_more(20)
        crowd.wait_for_workers(WORKERS, without=[min(workers)])

    _check_sums(crowd, before, tally, in_flight=2 * 2)


def test_a_killed_server_is_started_again(crowd: Server) -> None:
    workers, master = crowd.wait_for_workers(WORKERS), crowd.master
    before = exposition.predictions(crowd)

    with load(crowd, clients=2, pause=0.02) as tally:
        tally.wait_for_more(20)
        kill(master)
        until(lambda: crowd.master != master, "the server was not started again", seconds=60)
        tally.wait_for_more(20)

    assert not set(crowd.served()) & workers
    _check_sums(crowd, before, tally, in_flight=2)
    assert crowd.process.poll() is None
