from __future__ import annotations

from collections.abc import Iterator

import joblib
import pytest

from app.lifecycle.promote import promote
from app.settings.schema import Settings
from test.builders import ROW, a_promoted_model, a_regression_table
from test.e2e.calls import ask, predict, until
from test.e2e.damage import DAMAGE_WHILE_SERVING, GOOD, two_models
from test.e2e.load import load
from test.e2e.server import Server, children, health, kill, project, running_server

pytestmark = pytest.mark.e2e


def _promote_again(settings: Settings) -> None:
    registry = settings.path(settings.model.registry_path)
    promote(registry.parent, registry, GOOD, stage=settings.stage)


@pytest.fixture(scope="module")
def server(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, so that every answer is its own."""
    root = tmp_path_factory.mktemp(f"damage-{kind}")
    two_models(project(root))
    with running_server(root, SERVER=kind, RATE_LIMIT="50 per minute") as running:
        yield running


def _problem(server: Server) -> str:
    found = health(server)
    assert found["status"] == "healthy"
    return str(found["model"].get("problem", ""))


@pytest.mark.parametrize("name", DAMAGE_WHILE_SERVING)
def test_damage_while_serving_costs_no_request(server: Server, name: str) -> None:
    damage = DAMAGE_WHILE_SERVING[name]
    file = server.settings.path(server.settings.model.model_path)
    version = health(server)["model"]["version"]

    with load(server, clients=2, pause=0.02) as tally:
        damage.do(file)
        until(lambda: damage.said in _problem(server), "health does not say it", seconds=10)
        assert health(server)["model"]["version"] == version
        _promote_again(server.settings)
        until(lambda: not _problem(server), "health is not clean again", seconds=10)
        tally.wait_for_more(5)

    assert set(tally.statuses) == {200}
    assert tally.cut_at == []


def test_a_new_worker_serves_the_last_good_version_until_one_is_promoted(server: Server) -> None:
    settings, file = server.settings, server.settings.path(server.settings.model.model_path)
    worker = set(children(server.master))
    before = predict(server).json()
    assert before["predictions"] == joblib.load(file).predict([ROW]).tolist()

    DAMAGE_WHILE_SERVING["corrupted"].do(file)
    kill(*worker)
    (replacement,) = server.wait_for_workers(1, without=list(worker))

    assert predict(server).json()["predictions"] == before["predictions"]
    assert predict(server).json()["model"] == before["model"]
    assert ask(server, "GET", "/readyz").status == 200
    assert "SHA-256" in _problem(server)
    newer = a_promoted_model(settings, a_regression_table(slope=5.0), name=GOOD)
    until(lambda: not _problem(server), "the new version is not picked up", seconds=10)
    after = predict(server).json()
    assert after["model"] == {"name": GOOD, "version": newer.version}
    assert after["predictions"] != before["predictions"]
    assert health(server)["model"]["version"] == newer.version
    assert set(children(server.master)) == {replacement}
