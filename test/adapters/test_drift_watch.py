"""The watch over live rows: what it keeps, shows and tells, and what it costs nobody."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from app.adapters import drift_watch, drift_window
from app.adapters.drift_metrics import NAME, DriftMetrics
from app.adapters.drift_watch import DriftMonitor
from app.adapters.drift_window import Window
from app.adapters.prometheus_metrics import PrometheusMetrics
from app.domain.contract import Contract, Feature, Kind, Training
from app.domain.ports import Matrix
from app.domain.prediction import Result, ServedModel
from app.lifecycle.datasets import Table
from app.lifecycle.references import references_of
from app.wiring import build_services
from app.wiring.models import row_reader
from test.adapters.test_prometheus_metrics import samples
from test.builders import a_contract, a_promoted_model, a_regression_table, some_settings
from test.e2e.calls import until

ANSWER = Result(b"", "miss")


@dataclass
class Bench:
    """A watch with a clock that stands still, what it shows and whom it tells."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    told: list[tuple[str, str]] = field(default_factory=list)
    now: float = 0.0
    watch: DriftMonitor = field(init=False)

    def __post_init__(self) -> None:
        self.watch = DriftMonitor(
            DriftMetrics(self.registry, is_shared=False),
            lambda model, feature, _: self.told.append((model, feature)),
            window_rows=500,
            alert_index=0.25,
            alert_seconds=60,
            clock=lambda: self.now,
        )

    def see(self, model: ServedModel, matrix: Matrix) -> None:
        for part in np.array_split(matrix, max(1, len(matrix) // 50)):
            self.watch.observe(model, part, ANSWER)
        self.watch.look()

    def index(self, feature: str, model: str = "line") -> float | None:
        return self.registry.get_sample_value(NAME, {"model": model, "feature": feature})


@pytest.fixture(autouse=True)
def _never_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_watch, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(drift_watch, "_look_often", lambda _: None)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    settings = some_settings(tmp_path_factory.mktemp("drift"))
    a_promoted_model(settings, a_regression_table(n_rows=1_000))
    return build_services(settings).models.current()


def rows(n_rows: int = 500, shift: float = 0.0, seed: int = 1) -> Matrix:
    return np.random.default_rng(seed).normal((0.0, shift), size=(n_rows, 2))


def another(served: ServedModel, root: Path, **changes: Any) -> ServedModel:
    """The same model, loaded again."""
    contract = served.contract.model_copy(update=changes)
    reader = row_reader(some_settings(root), contract)
    return changed(served, contract=contract, reader=reader, serial=served.serial + 1_000_000)


def test_an_index_that_stays_too_large_is_told_once(bench: Bench, served: ServedModel) -> None:
    bench.see(served, rows(shift=2.0))
    early = list(bench.told)
    bench.now = 61.0
    bench.watch.look()
    bench.now = 500.0
    bench.see(served, rows(shift=2.0))

    assert early == []
    assert bench.told == [("line", "b")]


def test_an_index_that_falls_meanwhile_is_not_told(bench: Bench, served: ServedModel) -> None:
    bench.see(served, rows(shift=2.0))
    bench.now = 59.0
    bench.see(served, rows())
    bench.now = 61.0
    bench.see(served, rows(shift=2.0))

    assert bench.told == []


def test_it_is_told_again_after_it_has_been_well(bench: Bench, served: ServedModel) -> None:
    for moment, shift in enumerate((2.0, 2.0, 0.0, 2.0, 2.0)):
        bench.now = 61.0 * moment
        bench.see(served, rows(shift=shift))

    assert bench.told == [("line", "b")] * 2


def test_a_version_that_is_loaded_no_more_shows_nothing(
    bench: Bench, served: ServedModel, tmp_path: Path
) -> None:
    model = another(served, tmp_path)
    bench.see(model, rows(shift=2.0))
    before = bench.index("b")

    del model
    gc.collect()
    bench.watch.look()

    assert before is not None
    assert before > 0.25
    assert bench.index("b") is None
    assert bench.told == []


def test_of_two_versions_that_answer_the_worse_index_is_shown(
    bench: Bench, served: ServedModel, tmp_path: Path
) -> None:
    candidate = another(served, tmp_path, version="2")
    bench.see(candidate, rows(shift=2.0))
    alone = bench.index("b")

    bench.see(served, rows())

    assert bench.index("b") == alone


def test_a_model_whose_training_nobody_knows_is_not_watched(bench: Bench, tmp_path: Path) -> None:
    contract = a_contract(name="bare")
    bench.see(a_model(contract, tmp_path), rows(shift=2.0))

    assert bench.index("b", "bare") is None


def test_many_rows_of_one_request_are_a_sample(bench: Bench, served: ServedModel) -> None:
    body = np.zeros((100_000, 2))

    bench.watch.observe(served, body, ANSWER)
    [(_, kept)] = bench.watch._waiting

    assert 128 <= len(kept) <= 256
    assert kept.base is None


def test_what_waits_is_bounded(bench: Bench, served: ServedModel) -> None:
    for _ in range(5_000):
        bench.watch.observe(served, np.zeros((256, 2)), ANSWER)
    waiting = sum(kept.size for _, kept in bench.watch._waiting)
    bench.watch.look()
    bench.see(served, rows())

    assert waiting <= drift_watch._MOST_VALUES + 512
    assert bench.index("a") is not None


def test_what_is_kept_of_many_features_is_bounded(
    served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_window, "_MOST_KEPT", 600)
    window = Window(served.contract, 100_000, served.reader)

    for _ in range(4):
        window.add([rows(250)])

    assert len(window._rows) == 300
    assert set(window.indices()) == {"a", "b"}


def test_a_request_does_not_wait_for_the_cells(bench: Bench, served: ServedModel) -> None:
    bench.watch.observe(served, rows(1), ANSWER)

    assert bench.watch._windows[served.serial]._cells is None


def test_looks_that_take_long_come_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.undo()
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "thread_time", iter([0.0, 2.0]).__next__)

    class Watch:
        def look(self) -> None:
            watches[:] = [None]

    watches: list[Watch | None] = [Watch()]
    drift_watch._look_often(lambda: watches[0])  # type: ignore[arg-type]

    assert slept == [5.0, 38.0]


def test_it_never_raises(bench: Bench, served: ServedModel) -> None:
    nonsense: Any = "nonsense"

    bench.watch.observe(served, nonsense, ANSWER)
    bench.watch.observe(served, np.empty((0, 2)), ANSWER)
    bench.see(served, np.full((300, 2), np.nan))

    index = bench.index("a")
    assert index is not None
    assert index > 5.0


def test_threads_may_observe_while_another_looks(bench: Bench, served: ServedModel) -> None:
    def observe() -> None:
        for row in rows(400).reshape(-1, 1, 2):
            bench.watch.observe(served, row, ANSWER)

    threads = [threading.Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        bench.watch.look()
    bench.watch.look()

    assert len(bench.watch._windows[served.serial]._rows) == 500


def a_model(contract: Contract, root: Path) -> ServedModel:
    reader: Any = row_reader(some_settings(root), contract)
    engine: Any = None
    now: Any = None
    return ServedModel(contract, engine, reader, now)


def a_table(towns: Sequence[str], words: int, n_rows: int = 600) -> Matrix:
    generator = np.random.default_rng(2)
    table = np.empty((n_rows, 3), dtype=object)
    table[:, 0] = generator.normal(size=n_rows)
    table[:, 1] = generator.choice(list(towns), n_rows)
    table[:, 2] = ["x" * it for it in generator.poisson(words, n_rows)]
    return table


def test_categories_and_texts_have_an_index_too(bench: Bench, tmp_path: Path) -> None:
    names = ("age", "town", "text")
    kinds: tuple[Kind, ...] = ("float", "category", "text")
    trained = a_table(["Bern", "Chur", "Thun"], 40)
    training = Training(
        dataset="people",
        n_rows=600,
        fingerprint_sha256="0" * 64,
        metrics={},
        reference=references_of(Table("people", names, trained, None, False, kinds)),
    )
    features = [Feature(name=it, kind=kind) for it, kind in zip(names, kinds, strict=True)]
    model = a_model(a_contract(*features, name="people", training=training), tmp_path)

    bench.see(model, trained)
    alike = [bench.index(name, "people") for name in names]
    bench.see(model, a_table(["Bern", "Oslo"], 60))
    found = [bench.index(name, "people") for name in names]

    assert max(it for it in alike if it is not None) < 0.1
    assert found[0] is not None
    assert found[0] < 0.1
    assert min(it for it in found[1:] if it is not None) > 0.5


def test_the_thread_looks_by_itself_and_ends_with_the_watch(
    served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(drift_watch, "LOOK_SECONDS", 0.01)
    bench = Bench()
    registry, watch = bench.registry, bench.watch
    for part in np.array_split(rows(), 10):
        watch.observe(served, part, ANSWER)
    labels = {"model": "line", "feature": "a"}
    until(lambda: registry.get_sample_value(NAME, labels) is not None, "nobody looks")
    thread, gone = watch._thread, weakref.ref(watch)

    del bench, watch
    gc.collect()

    assert thread is not None
    until(lambda: gone() is None, "the thread holds the watch")
    thread.join(10)
    assert not thread.is_alive()


WORKER = """
import sys
from pathlib import Path
from app.adapters.prometheus_metrics import PrometheusMetrics
metrics = PrometheusMetrics(Path(sys.argv[1]))
metrics.drift.show("line", {"a": float(sys.argv[2]), "b": 0.5, "c": float(sys.argv[2])})
metrics.drift.hide("line", ["b"])
if sys.argv[2] == "0.2":
    metrics.drift.hide("line", ["c"])
print("ready", flush=True)
sys.stdin.read()
"""


def test_of_many_workers_the_largest_index_is_shown_and_none_of_a_dead_one(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), index],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for index in ("0.2", "0.7")
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
    reader = PrometheusMetrics(tmp_path)

    both = samples(reader)
    workers[1].kill()
    workers[1].communicate()
    left = samples(reader)
    workers[0].communicate(b"")

    assert both[f"{NAME}|feature=a|model=line"] == 0.7
    assert both[f"{NAME}|feature=c|model=line"] == 0.7
    assert not any("feature=b" in name for name in both)
    assert {name for name in left if name.startswith(NAME)} == {f"{NAME}|feature=a|model=line"}
    assert left[f"{NAME}|feature=a|model=line"] == 0.2
