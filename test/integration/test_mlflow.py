"""A model registry of MLflow in SQLite: imported once, then followed while its alias moves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from app.lifecycle import history
from app.lifecycle.registry import read_folder
from app.settings.overlay import PROJECT
from scripts import import_mlflow
from test.unit.scripts.process import enter, environment, run_script

LOGGED = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow, mlflow.sklearn, numpy as np
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression
mlflow.set_tracking_uri("sqlite:///" + sys.argv[1] + "/mlflow.db")
experiment = mlflow.create_experiment("lines", artifact_location="file://" + sys.argv[1] + "/runs")
rows = np.random.default_rng(1).normal(size=(40, 2))
for slope in (2.0, 30.0):
    target = rows @ [slope, 1.0]
    with mlflow.start_run(experiment_id=experiment):
        mlflow.sklearn.log_model(
            LinearRegression().fit(rows, target), name="model", registered_model_name="Line",
            signature=infer_signature(rows, target), input_example=rows[:5],
            pip_requirements=["scikit-learn"],
        )
client = mlflow.MlflowClient()
for line in iter(sys.stdin.readline, ""):
    client.set_registered_model_alias("Line", "champion", line.strip())
    print("moved", flush=True)
"""
pytestmark = pytest.mark.timeout(600)  # MLflow takes its time to import and to make a database


def pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def move(mlflow: subprocess.Popen[str], version: str) -> None:
    stdin, stdout = pipes(mlflow)
    stdin.write(f"{version}\n")
    stdin.flush()
    assert stdout.readline() == "moved\n"


def line_with(stream: IO[str], text: str) -> str:
    return next(line for line in iter(stream.readline, "") if text in line)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def mlflow(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the registry, with two versions of Line and an alias on the first."""
    with subprocess.Popen(
        [sys.executable, "-c", LOGGED, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
    ) as process:
        move(process, "1")
        yield process
        pipes(process)[0].close()


@pytest.mark.usefixtures("mlflow")
def test_a_version_comes_over_once(folder: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"

    first, again = (
        run_script(tmp_path, "scripts/import_mlflow.py", model, "--tracking-uri", uri)
        for model in ("models:/Line@champion", "Line/1")
    )

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert first.stdout.startswith("line 1 is MLflow's Line 1: regression, 2 features\n")
    assert again.stdout == "line 1 is MLflow's Line 1, which came before\n"
    contract = read_folder(tmp_path / "model/registry/line/1").contract
    assert len(contract.golden.inputs) == 5
    assert not (tmp_path / "mlflow.db").exists()


def test_where_the_alias_moves_the_stage_follows_until_it_is_told_to_stop(
    mlflow: subprocess.Popen[str], folder: Path, tmp_path: Path
) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    move(mlflow, "1")
    command = [sys.executable, str(PROJECT / "scripts/import_mlflow.py"), "models:/Line@champion"]
    with subprocess.Popen(
        [*command, "--tracking-uri", uri, "--follow", "--to", "dev", "--every", "5"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as follower:
        _, said = pipes(follower)
        assert line_with(said, "is promoted").startswith("line 1 is promoted")
        move(mlflow, "2")
        assert line_with(said, "is promoted").startswith("line 2 is promoted")
        follower.send_signal(signal.SIGINT)
        _, problems = follower.communicate(timeout=60)

    assert follower.returncode == 0
    assert problems.splitlines()[-1] == "stopped"
    assert "Traceback" not in problems
    assert [it.why for it in history.read(tmp_path / "model/dev")] == [
        "MLflow's Line 1",
        "MLflow's Line 2",
    ]


def test_a_server_that_is_not_there_ends_with_2_and_no_traceback(tmp_path: Path) -> None:
    arguments = ["Line/1", "--tracking-uri", "http://127.0.0.1:9"]
    variables = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}

    done = run_script(tmp_path, "scripts/import_mlflow.py", *arguments, **variables)

    assert done.returncode == 2
    assert "MLflow: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Line/1"], "mlflow.db: there is no such MLflow database. Fix: --tracking-uri"),
        (["Line"], "'Line' names no version of an MLflow model"),
        (["Line/1", "--follow", "--to", "dev"], "a version does not move"),
        (["Line@a", "--follow"], "--follow promotes, so it needs --to STAGE"),
        (["Line@a", "--every", "1"], "'1' is no number of seconds from 5 to 3600"),
    ],
    ids=["no database", "no version", "nothing to follow", "no stage", "too often"],
)
def test_a_mistake_ends_with_2_and_no_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    enter(tmp_path, monkeypatch)

    assert _status(*arguments) == 2

    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "mlflow.db").exists()


def _status(*arguments: str) -> int | str | None:
    """Import in this process: a process for each mistake would spend seconds on imports."""
    try:
        return import_mlflow.main(arguments)
    except SystemExit as end:
        return end.code
