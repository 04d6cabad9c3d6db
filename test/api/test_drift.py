"""Rows that drift away from training, seen through the gateway's own metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.adapters.drift_metrics import DriftMetrics
from app.adapters.drift_watch import DriftMonitor
from app.adapters.lmdb_limits import LmdbLimits
from app.adapters.null import NoDriftWatch, NullMetrics
from app.wiring import build_services
from app.wiring.drift import drift_watch
from test.builders import a_promoted_model, a_regression_table, bearer, some_settings


def serving(root: Path, **drift: Any) -> FlaskClient:
    settings = some_settings(root, rate_limit="100000 per minute", drift=drift)
    a_promoted_model(settings, a_regression_table(n_rows=1_000))
    return create_app(services=build_services(settings)).test_client()


def send(client: FlaskClient, n_rows: int, shift: float = 0.0) -> None:
    """Send rows of which the second feature is shifted, some in each request; then look."""
    rows = np.random.default_rng(4).normal((0.0, shift), size=(n_rows, 2))
    for part in np.array_split(rows, max(1, n_rows // 50)):
        answer = client.post("/api/v1/predict", json={"data": part.tolist()}, headers=bearer())
        assert answer.status_code == 200
    watch = client.application.extensions["gatehouse"].drift
    if isinstance(watch, DriftMonitor):
        watch.look()


def indices(client: FlaskClient) -> dict[str, float]:
    text = client.get("/api/v1/metrics").get_data(as_text=True)
    return {
        sample.labels["feature"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "gatehouse_feature_drift_index" and sample.labels["model"] == "line"
    }


def test_the_newest_rows_have_an_index_by_feature_and_few_have_none(tmp_path: Path) -> None:
    client = serving(tmp_path, window_rows=600)
    send(client, 199, shift=1.0)
    few = indices(client)
    send(client, 600)
    alike = indices(client)
    send(client, 600, shift=1.0)
    drifted = indices(client)

    assert few == {}
    assert alike.keys() == {"a", "b"}
    assert max(alike.values()) < 0.1
    assert drifted["a"] == alike["a"]
    assert drifted["b"] > 0.5


def test_the_watch_can_be_turned_off(tmp_path: Path) -> None:
    client = serving(tmp_path, window_rows=0)

    send(client, 300, shift=1.0)

    assert isinstance(client.application.extensions["gatehouse"].drift, NoDriftWatch)
    assert indices(client) == {}


def test_answers_from_the_cache_count_too(tmp_path: Path) -> None:
    client = serving(tmp_path)
    for _ in range(200):
        client.post("/api/v1/predict", json={"data": [[9.0, 9.0]]}, headers=bearer())

    send(client, 1)

    assert min(indices(client).values()) > 1.0


class Told:
    """Fulfils the port ``Alerts``."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def raise_alert(self, kind: str, context: Mapping[str, str]) -> None:
        self.kinds.append(f"{kind}: {context['index']}")


def test_two_workers_that_see_the_same_drift_tell_it_once(tmp_path: Path) -> None:
    settings, told = some_settings(tmp_path), Told()
    limits = LmdbLimits(tmp_path / "limits.lmdb", NullMetrics())
    for _ in range(2):
        metrics = DriftMetrics(CollectorRegistry(), is_shared=False)
        watch = drift_watch(settings, metrics, told, limits)
        assert isinstance(watch, DriftMonitor)
        watch._tell("churn", "age", 0.314)

    assert told.kinds == ["rows of churn whose age has drifted: 0.31"]
