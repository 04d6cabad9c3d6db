"""Versions change under load: no request is lost, and none is answered by another version."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from app.domain.traffic import Caller, Split
from app.settings.schema import Settings
from app.wiring import open_estimator
from test.builders import ROW, a_promoted_model, a_regression_table, a_token, bearer
from test.e2e import exposition
from test.e2e.calls import PREDICT, Address, a_body, ask, json_headers, send, until
from test.e2e.server import Server, health, project, running_server
from test.gates import let_pass

pytestmark = pytest.mark.e2e
SLOPES = {"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0}
CLIENTS = 6
SUBJECTS = [f"subject-{number}" for number in range(24)]
PICKED_UP_SECONDS = 2.0
PHASE_SECONDS = float(os.environ.get("SOAK_PHASE_SECONDS", "2.5"))
SHARE = 0.4
ADMIN = "/api/v1/admin/models/line"


class Seen(NamedTuple):
    """One answer. Times are those of ``time.monotonic``."""

    asked_at: float
    subject: str
    status: int
    version: str
    prediction: float


class Chosen(NamedTuple):
    """Which version answers whom from the moment that a change was asked for."""

    asked_at: float
    done_at: float
    version_of: Callable[[str], str]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers; version 1 of four serves."""
    root = tmp_path_factory.mktemp("change")
    settings = project(root)
    for slope in SLOPES.values():
        a_promoted_model(settings, a_regression_table(slope=slope))
    stage = settings.path(settings.model.model_path).parent
    for file in (settings.path(Path("model/registry/line/1"))).iterdir():
        shutil.copy(file, stage / file.name)
    let_pass(settings, "line", "2", champion="1")
    with running_server(
        root, SERVER="granian", WORKERS="2", RATE_LIMIT="1000000 per minute"
    ) as server:
        server.wait_for_workers(2)
        yield server


def administer(server: Address, method: str, path: str, **body: Any) -> None:
    headers = json_headers(a_token(sub="root", roles=["admin"]))
    reply = ask(server, method, f"{ADMIN}/{path}", body=json.dumps(body).encode(), headers=headers)
    assert reply.status == 200, reply.body


def of_everybody(version: str) -> Callable[[str], str]:
    return lambda _: version


def of_a_canary(champion: str, candidate: str) -> Callable[[str], str]:
    split = Split(model="line", version=candidate, mode="canary", share=SHARE)
    return lambda subject: candidate if split.takes(Caller(subject)) else champion


@contextmanager
def asking(server: Address) -> Iterator[list[Seen]]:
    """Keep clients asking until the block ends; each answer is kept, and none may be missing."""
    seen: list[Seen] = []
    stop = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        started = [pool.submit(_ask, server, seen, stop, number) for number in range(CLIENTS)]
        try:
            yield seen
        finally:
            stop.set()
    for client in started:
        client.result()


def _ask(server: Address, seen: list[Seen], stop: threading.Event, number: int) -> None:
    connection, body = server.connect(), a_body()
    subjects = SUBJECTS[number::CLIENTS]
    tokens = {name: {**bearer(a_token(sub=name))} for name in subjects}
    count = 0
    while not stop.is_set():
        subject = subjects[count % len(subjects)]
        count += 1
        headers = {**tokens[subject], "Content-Type": "application/json"}
        asked_at = time.monotonic()
        reply = send(connection, "POST", PREDICT, body=body, headers=headers)
        answer = reply.json() if reply.status == 200 else {}
        version = answer.get("model", {}).get("version", "")
        prediction = answer.get("predictions", [np.nan])[0]
        seen.append(Seen(asked_at, subject, reply.status, version, prediction))
        stop.wait(0.002)
    connection.close()


def a_damaged_candidate(settings: Settings, version: str) -> None:
    """Announce a candidate for everybody whose artefact was cut off."""
    stage = settings.path(settings.model.model_path).parent
    aside = stage / ".damaged"
    shutil.copytree(settings.path(Path(f"model/registry/line/{version}")), aside)
    artefact = aside / "model.joblib"
    artefact.write_bytes(artefact.read_bytes()[:-1])
    split = Split(model="line", version=version, mode="canary", share=1)
    (aside / "traffic.json").write_text(split.model_dump_json())
    aside.rename(stage / ".candidate")


def own_answers(settings: Settings) -> dict[str, float]:
    """What each version answers in process."""
    registry = settings.path(Path("model/registry/line"))
    return {
        version: float(
            open_estimator((registry / version / "model.joblib").read_bytes()).predict([ROW])[0]
        )
        for version in SLOPES
    }


def test_versions_change_under_load_without_a_lost_or_a_wrong_answer(gateway: Server) -> None:
    settings = gateway.settings
    changes: list[tuple[Callable[[], None], Callable[[str], str]]] = [
        (lambda: administer(gateway, "POST", "promote", version="2"), of_everybody("2")),
        (lambda: administer(gateway, "POST", "rollback"), of_everybody("1")),
        (
            lambda: administer(gateway, "POST", "canary", version="3", share=SHARE),
            of_a_canary("1", "3"),
        ),
        (lambda: administer(gateway, "DELETE", "candidate"), of_everybody("1")),
        (lambda: a_damaged_candidate(settings, "4"), of_everybody("1")),
    ]
    chosen = [Chosen(0.0, 0.0, of_everybody("1"))]

    with asking(gateway) as seen:
        until(lambda: len(seen) > 50, "nobody answers")
        for change, version_of in changes:
            asked_at = time.monotonic()
            change()
            chosen.append(Chosen(asked_at, time.monotonic(), version_of))
            time.sleep(PHASE_SECONDS)
        problem = until(
            lambda: health(gateway)["model"].get("problem", ""), "the damage is not told"
        )

    assert "candidate 4: model.joblib: " in problem
    assert {it.status for it in seen} == {200}
    assert [it for it in seen if it.version not in versions_allowed(it, chosen)] == []
    expected = own_answers(settings)
    assert {it.version for it in seen} == {"1", "2", "3"}
    for it in seen:
        assert it.prediction == pytest.approx(expected[it.version], rel=1e-6)
    assert exposition.server_errors(gateway) == 0


def versions_allowed(it: Seen, chosen: list[Chosen]) -> set[str]:
    """Return what may answer: the last change, and until it is picked up the one before it."""
    place = max(n for n, change in enumerate(chosen) if change.asked_at <= it.asked_at)
    allowed = {chosen[place].version_of(it.subject)}
    if it.asked_at < chosen[place].done_at + PICKED_UP_SECONDS:
        allowed.add(chosen[place - 1].version_of(it.subject))
    following = chosen[place + 1 : place + 2]
    # An answer that was asked for just before a change may come after it.
    return allowed | {
        change.version_of(it.subject) for change in following if change.asked_at - it.asked_at < 1
    }
