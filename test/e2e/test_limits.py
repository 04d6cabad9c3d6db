"""One limit for all workers, exact under load, whichever store counts and whoever is killed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from test.builders import a_token
from test.e2e.calls import predict, until
from test.e2e.estimators import FOLDER, WAIT
from test.e2e.obedient import an_obedient_model
from test.e2e.server import Server, kill, project, running_server
from test.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.e2e
WORKERS = 4
LIMIT = 100
CALLS = 400
ROUNDS = 10


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module", params=["lmdb", "redis"])
def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Four workers that share one limit in an embedded store or in Redis."""
    root = tmp_path_factory.mktemp(f"crowd-{request.param}")
    an_obedient_model(project(root))
    environment = {"WORKERS": str(WORKERS), "RATE_LIMIT": f"{LIMIT} per minute"}
    if request.param == "redis":
        environment["GATEHOUSE_LIMITS__STORAGE"] = request.getfixturevalue("redis").url
    with running_server(root, **environment) as server:
        server.wait_for_workers(WORKERS)
        yield server


def _status(server: Server, token: str, at_once: threading.Barrier) -> int | None:
    """Return how a call was answered; None when a killed worker cut it."""
    at_once.wait(60)
    with suppress(OSError):
        return predict(server, token=token).status
    return None


def _all_at_once(server: Server, subject: str, *, victim: int | None = None) -> Counter[int | None]:
    """Return how 400 calls of *subject*, each of a client of its own, were answered, by status.

    The worker *victim* is killed when the first of them is.
    """
    token, at_once = a_token(sub=subject), threading.Barrier(CALLS)
    with ThreadPoolExecutor(CALLS) as pool:
        calls = [pool.submit(_status, server, token, at_once) for _ in range(CALLS)]
        if victim is not None:
            calls[0].result()
            kill(victim)
    return Counter(call.result() for call in calls)


def test_exactly_the_limit_is_accepted_ten_times_in_a_row(crowd: Server) -> None:
    before = crowd.served()

    rounds = [_all_at_once(crowd, f"crowd-{number}") for number in range(ROUNDS)]

    assert rounds == [Counter({200: LIMIT, 429: CALLS - LIMIT})] * ROUNDS
    after = crowd.served()
    assert sum(after[pid] > before.get(pid, 0) for pid in after) == WORKERS


def test_a_worker_killed_in_the_middle_lets_no_more_in(crowd: Server) -> None:
    victim = max(crowd.wait_for_workers(WORKERS))

    seen = _all_at_once(crowd, "bereaved", victim=victim)

    assert seen[200] <= LIMIT
    assert seen[429] > 0
    crowd.wait_for_workers(WORKERS, without=[victim])
    assert predict(crowd, token=a_token(sub="bereaved")).status == 429


def test_places_are_counted_over_all_workers(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("places")
    an_obedient_model(project(root))
    with (
        running_server(
            root,
            WORKERS=str(WORKERS),
            RATE_LIMIT="100000 per minute",
            GATEHOUSE_LIMITS__CONCURRENT_REQUESTS="3",
            **{FOLDER: str(root)},
        ) as server,
        ThreadPoolExecutor(3) as pool,
    ):
        server.wait_for_workers(WORKERS)
        token = a_token(sub="patient")
        slow = [pool.submit(predict, server, [WAIT, n], token=token) for n in (1.0, 2.0, 3.0)]
        for n in (1, 2, 3):
            until((root / f"{n} begun").exists, "a call does not begin")

        refused = predict(server, token=token)
        for n in (1, 2, 3):
            (root / str(n)).touch()
        statuses = [call.result().status for call in slow]

        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert statuses == [200, 200, 200]
        assert predict(server, token=token).status == 200
