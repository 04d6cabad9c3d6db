"""More requests than a dear model can answer: some get 503 at once, the others their answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from test.e2e import exposition
from test.e2e.calls import Reply, predict, until
from test.e2e.estimators import FOLDER, WAIT, Dear
from test.e2e.obedient import an_obedient_model
from test.e2e.server import Server, health, project, running_server

pytestmark = pytest.mark.e2e
CLIENTS = 16
CALLS = 15
ROWS = 800  # as many as one call takes
PATIENT = {"GATEHOUSE_SERVER__MAX_QUEUE_MS": "60000"}
IMPATIENT = {"GATEHOUSE_SERVER__MAX_QUEUE_MS": "50"}


@contextmanager
def dear_server(root: Path, **environment: str) -> Iterator[Server]:
    """A server whose model takes 2 ms and 20 µs a row."""
    an_obedient_model(project(root), Dear())
    with running_server(root, **environment, **{FOLDER: str(root)}) as server:
        yield server


@pytest.fixture(scope="module")
def impatient(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that makes nobody wait for longer than 50 ms."""
    root = tmp_path_factory.mktemp(f"impatient-{kind}")
    with dear_server(root, SERVER=kind, **IMPATIENT) as server:
        yield server


@pytest.fixture
def patient(kind: str, tmp_path: Path) -> Iterator[Server]:
    with dear_server(tmp_path, SERVER=kind, **PATIENT) as server:
        yield server


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        yield pool


def ask(pool: ThreadPoolExecutor, server: Server, *rows: list[float]) -> Future[Reply]:
    """Ask in another thread, and return when the request is at work."""
    before = exposition.in_flight(server)
    asked = pool.submit(predict, server, *rows)
    until(lambda: exposition.in_flight(server) > before or asked.done(), "the call did not arrive")
    return asked


def has_begun(server: Server, amount: int) -> None:
    """Wait until [WAIT, amount] is being scored: who asks now comes too late for its call."""
    until((server.root / f"{amount} begun").exists, "the call did not begin")


def let_go(server: Server, amount: int) -> None:
    (server.root / str(amount)).touch()


def assert_refused(reply: Reply) -> None:
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.json()["type"] == "urn:gatehouse:problem:overloaded"


def assert_answers(reply: Reply, rows: list[list[float]]) -> None:
    assert reply.status == 200
    assert reply.json()["predictions"] == [2 * a + b for a, b in rows]


def test_a_crowd_gets_right_answers_or_503(impatient: Server, pool: ThreadPoolExecutor) -> None:
    start, statuses = threading.Barrier(CLIENTS), Counter[int]()

    def call_again_and_again(client: int) -> Counter[int]:
        generator, seen = np.random.default_rng(client), Counter[int]()
        start.wait()
        for _ in range(CALLS):
            rows = generator.integers(0, 1_000, (ROWS, 2)).astype(float).tolist()
            reply = predict(impatient, *rows)
            seen[reply.status] += 1
            if reply.status == 200:
                assert_answers(reply, rows)
            else:
                assert_refused(reply)
        return seen

    for seen in pool.map(call_again_and_again, range(CLIENTS)):
        statuses += seen

    assert statuses[200]
    assert statuses[503]
    assert_answers(predict(impatient, [1.0, 2.0]), [[1.0, 2.0]])
    assert health(impatient)["status"] == "healthy"


def test_who_waits_for_a_call_that_does_not_end_is_refused(
    impatient: Server, pool: ThreadPoolExecutor
) -> None:
    stuck = pool.submit(predict, impatient, [WAIT, 1.0])
    has_begun(impatient, 1)

    replies = [predict(impatient, [number, 3.0]) for number in (1.0, 2.0, 3.0)]

    for reply in replies:
        assert_refused(reply)
    assert health(impatient)["status"] == "healthy"
    let_go(impatient, 1)
    assert stuck.result().status == 200
    assert_answers(predict(impatient, [1.0, 2.0]), [[1.0, 2.0]])


def test_a_large_request_holds_up_small_ones_for_a_piece_only(
    patient: Server, pool: ThreadPoolExecutor
) -> None:
    rows = [[float(number), 0.0] for number in range(10_000)]
    rows[0], rows[-1] = [WAIT, 1.0], [WAIT, 2.0]
    large = pool.submit(predict, patient, *rows)
    has_begun(patient, 1)
    small = [ask(pool, patient, [number, 1.0]) for number in (5.0, 6.0)]
    let_go(patient, 1)

    for number, asked in zip((5.0, 6.0), small, strict=True):
        assert_answers(asked.result(), [[number, 1.0]])
    assert not large.done()
    let_go(patient, 2)
    assert_answers(large.result(), rows)
