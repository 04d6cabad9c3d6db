"""MLflow as training leaves it: a run in SQLite, and what happens when a server is down."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.lifecycle.registry import read_version
from app.settings.overlay import PROJECT
from test.unit.scripts.process import environment

PARAMS = """
models:
  iris:
    data: {dataset: iris}
    metric: log_loss
    folds: 2
    candidates: [{estimator: logistic, grid: {C: [1.0, 10.0]}}]
"""
# Both in one process: MLflow takes seconds to import.
TWICE = """
import sys
from scripts.run_training import main
print(main(["--model", "iris"]), flush=True)
print(main(["--model", "iris", "--tracking", "http://me:secret@127.0.0.1:9"]), flush=True)
"""
pytestmark = pytest.mark.timeout(300)
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture(scope="module")
def done(root: Path) -> Done:
    (root / "params.yaml").write_text(PARAMS)
    variables = environment(root) | {"PYTHONPATH": str(PROJECT)}
    variables.pop("MLFLOW_HTTP_REQUEST_MAX_RETRIES", None)
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", TWICE],
        cwd=root,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )


@pytest.fixture
def database(root: Path, done: Done) -> Iterator[sqlite3.Connection]:
    assert done.returncode == 0
    with closing(sqlite3.connect(root / "runtime/mlflow.db")) as connection:
        yield connection


def told(database: sqlite3.Connection, table: str) -> dict[str, object]:
    return dict(database.execute(f"SELECT key, value FROM {table}").fetchall())  # noqa: S608


def test_the_run_is_finished_and_named_after_the_version(database: sqlite3.Connection) -> None:
    runs = database.execute(
        "SELECT runs.name, runs.status, experiments.name FROM runs JOIN experiments"
        " USING (experiment_id)"
    ).fetchall()

    assert runs == [("iris 1", "FINISHED", "iris")]


def test_parameters_and_metrics_are_told(database: sqlite3.Connection) -> None:
    params, metrics = told(database, "params"), told(database, "metrics")

    assert params.items() >= {
        "estimator": "logistic", "C": "10.0", "folds": "2", "candidates": "2",
    }.items()  # fmt: skip
    assert {f"{kind}_log_loss" for kind in ("cv", "held_out")} <= metrics.keys()
    assert {"cv_log_loss_mean", "held_out_log_loss_low", "held_out_accuracy"} <= metrics.keys()


def test_the_tags_name_the_version(root: Path, database: sqlite3.Connection) -> None:
    contract = read_version(root / "model/registry", "iris", "1").contract

    tags = told(database, "tags")

    assert tags["gatehouse.name"] == "iris"
    assert tags["gatehouse.version"] == "1"
    assert tags["gatehouse.sha256"] == contract.artefact.sha256


@pytest.mark.usefixtures("done")
def test_card_plots_report_and_contract_are_artefacts(root: Path) -> None:
    logged = {it.name: it for it in (root / "runtime/mlflow").rglob("*") if it.is_file()}

    assert set(logged) == {
        "card.md", "report.json", "manifest.json", "confusion.svg", "calibration.svg",
    }  # fmt: skip
    for name, file in logged.items():
        assert file.read_bytes() == (root / "model/registry/iris/1" / name).read_bytes()


def test_a_server_that_is_down_costs_a_warning_and_no_version(root: Path, done: Done) -> None:
    assert [line for line in done.stdout.splitlines() if line in "012"] == ["0", "0"]
    assert "warning: iris 2 is stored, but MLflow was not told: " in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
    assert (root / "model/registry/iris/2/card.md").exists()
