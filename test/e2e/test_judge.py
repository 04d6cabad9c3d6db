"""A canary on two workers judges itself: rolled back when it is bad, promoted when it is good."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.lifecycle import history
from app.lifecycle.promote import promote
from app.lifecycle.registry import STAGES_FOLDER
from test.builders import a_token
from test.e2e.calls import PREDICT, a_body, ask, json_headers, send, until
from test.e2e.estimators import UNBEARABLE, Sides
from test.e2e.obedient import a_registered_estimator, allow_estimators
from test.e2e.server import Server, project, running_server
from test.gates import let_pass

pytestmark = pytest.mark.e2e
CLIENTS = 4
WORKERS = 2
JUDGED_SECONDS = 60.0
RULES = {
    "level": 0.05,
    "tolerated_error_increase": 0.1,
    "tolerated_slow_increase": 0.3,
    "tolerated_disagreement": 0.2,
    "least_requests": 150,
    "most_requests": 10_000,
}
VERSIONS = {
    "champion": Sides("champion"),
    "frail": Sides("frail", is_frail=True),
    "wrong": Sides("wrong", border=-9.0),
    "slow": Sides("slow", seconds=0.005),
    "alike": Sides("alike"),
}


@pytest.fixture(scope="module", params=["granian"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Two workers; the champion serves, and the gates let all the others pass."""
    root = tmp_path_factory.mktemp("judge")
    settings = project(root)
    allow_estimators(settings)
    for name, model in VERSIONS.items():
        contract = a_registered_estimator(settings, model, name="sides")
        assert contract.version == version_of(name)
    models, registry = settings.path(STAGES_FOLDER), settings.path(settings.model.registry_path)
    champion, *others = map(version_of, VERSIONS)
    promote(models, registry, "sides", champion, stage=settings.stage)
    let_pass(settings, "sides", *others, champion=champion)
    with running_server(
        root, SERVER=request.param, WORKERS=str(WORKERS), RATE_LIMIT="1000000 per minute"
    ) as server:
        server.wait_for_workers(WORKERS)
        yield server


def version_of(name: str) -> str:
    return str([*VERSIONS].index(name) + 1)


@contextmanager
def asking(server: Server) -> Iterator[list[tuple[int, str]]]:
    """Keep clients asking, each request with a key of its own; status and version are kept."""
    seen: list[tuple[int, str]] = []
    stop = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        started = [pool.submit(_ask, server, seen, stop, seed) for seed in range(CLIENTS)]
        try:
            yield seen
        finally:
            stop.set()
    for client in started:
        client.result()


def _ask(server: Server, seen: list[tuple[int, str]], stop: threading.Event, seed: int) -> None:
    generator = np.random.default_rng(seed)
    connection, headers = server.connect(), json_headers()
    for number in itertools.count():
        if stop.is_set():
            break
        row = generator.normal(size=2).tolist()
        if number % 4 == 0:
            row[0] = UNBEARABLE
        key = {"X-Key": secrets.token_hex(8)}
        reply = send(connection, "POST", PREDICT, body=a_body(row), headers=headers | key)
        seen.append((reply.status, reply.headers.get("X-Model-Version", "")))
    connection.close()


def administer(server: Server, method: str, path: str, **body: Any) -> None:
    headers = json_headers(a_token(sub="root", roles=["admin"]))
    path = f"/api/v1/admin/models/sides/{path}"
    reply = ask(server, method, path, body=json.dumps(body).encode(), headers=headers)
    assert reply.status == 200, reply.body


def judged(
    server: Server, name: str, *, winner: str
) -> tuple[dict[str, Any], str, list[tuple[int, str]]]:
    """Try a candidate until the *winner* answers alone; return verdict, plot and all answers."""
    version = version_of(name)
    verdicts = server.settings.path(server.settings.runtime_path) / "verdicts"
    with asking(server) as seen:
        until(lambda: len(seen) > 50, "nobody answers")
        rules = {"version": version, "share": 0.5, "sticky": "header:X-Key", "judge": RULES}
        administer(server, "POST", "canary", **rules, reason=f"try {name}")
        [folder] = until(
            lambda: [it.parent for it in verdicts.glob(f"sides-{version}-*/verdict.json")],
            "there is no verdict",
            seconds=JUDGED_SECONDS,
        )
        let_go = f'"event":"candidate let go","version":"{version}"'
        until(lambda: server.stderr().count(let_go) == WORKERS, "a worker keeps the candidate")
        alone = {(200, version_of(winner))}
        until(lambda: {*seen[-200:]} == alone, f"{winner} does not answer alone")
    verdict = json.loads((folder / "verdict.json").read_text())
    return verdict, (folder / "verdict.svg").read_text(), seen


def stances(verdict: dict[str, Any]) -> dict[str, str]:
    return {it["measure"]: it["stance"] for it in verdict["findings"]}


def stage_of(server: Server) -> Path:
    return server.settings.path(STAGES_FOLDER) / server.settings.stage


def counter(server: Server, ruling: str) -> bool:
    text = ask(server, "GET", "/api/v1/metrics").body.decode()
    return f'gatehouse_verdicts_total{{model="sides",ruling="{ruling}"}}' in text


@pytest.mark.parametrize("gateway", ["granian", "gunicorn"], indirect=True)
def test_a_candidate_that_raises_is_rolled_back(gateway: Server) -> None:
    verdict, plot, seen = judged(gateway, "frail", winner="champion")

    assert verdict["ruling"] == "roll back"
    assert "worse than tolerated in errors" in verdict["reason"]
    assert stances(verdict)["errors"] == "worse"
    assert verdict["findings"][0]["champion"]["hits"] == 0
    assert verdict["findings"][0]["candidate"]["hits"] > 0
    assert "worse than tolerated in errors" in plot
    assert {status for status, _ in seen} == {200, 500}
    begun, ended = history.read_trials(stage_of(gateway), "sides")[-2:]
    assert (begun.action, begun.who, begun.why) == ("canary", "root", "try frail")
    assert (ended.action, ended.before, ended.who) == ("stop", begun.after, "judge")
    assert ended.why == verdict["reason"]


def test_a_candidate_with_other_labels_is_rolled_back(gateway: Server) -> None:
    verdict, plot, seen = judged(gateway, "wrong", winner="champion")

    assert verdict["ruling"] == "roll back"
    assert verdict["reason"] == "worse than tolerated in disagreement"
    assert "Different answers" in plot
    assert {status for status, _ in seen} == {200}
    assert counter(gateway, "roll back")


def test_a_candidate_that_is_slower_is_rolled_back(gateway: Server) -> None:
    verdict, plot, _ = judged(gateway, "slow", winner="champion")

    assert verdict["ruling"] == "roll back"
    assert verdict["reason"] == "worse than tolerated in latency"
    assert "Slow answers" in plot


def test_a_candidate_like_the_champion_is_promoted(gateway: Server) -> None:
    verdict, plot, seen = judged(gateway, "alike", winner="alike")

    assert verdict["ruling"] == "promote", verdict
    assert {*stances(verdict).values()} == {"good"}
    assert verdict["findings"][0]["candidate"]["trials"] >= RULES["least_requests"]
    assert "no worse than tolerated in any measure" in plot
    assert {status for status, _ in seen} == {200}
    assert counter(gateway, "promote")
    last = history.read(stage_of(gateway), "sides")[-1]
    assert (last.action, last.to, last.who) == ("promote", version_of("alike"), "judge")
    assert last.why == verdict["reason"]
