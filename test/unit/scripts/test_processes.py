"""Scripts as real processes: each once as it should go, and one refused in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LinearRegression

from app.lifecycle.registry import read_folder, read_version
from app.settings.overlay import PROJECT
from test.unit.scripts.process import environment, run_module, run_script

pytestmark = pytest.mark.usefixtures("unmeasured_processes")


def test_training_stores_a_version(tmp_path: Path) -> None:
    done = run_script(tmp_path, "scripts/run_training.py")

    assert (done.returncode, done.stderr) == (0, "")
    stored, linear, sklearn, where, what_next = done.stdout.splitlines()
    assert stored.startswith("diabetes 1: regression, held-out r2 0.")
    assert linear.startswith("engine linear: agrees on 3,")
    assert sklearn.startswith("engine sklearn: ")
    assert where == f"stored in {tmp_path}/model/registry/diabetes/1"
    assert what_next == "next: .venv/bin/python scripts/promote_model.py diabetes 1 --to dev"
    assert len(read_version(tmp_path / "model/registry", "diabetes", "1").contract.features) == 10


def test_two_trainings_at_once_get_a_version_each_and_one_digest(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "scripts/run_training.py"), "--dataset", "iris"]
    both = [
        subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]

    assert [one.wait(timeout=60) for one in both] == [0, 0]
    registry = tmp_path / "model" / "registry"
    digests = {
        read_version(registry, "iris", version).contract.artefact.sha256 for version in ("1", "2")
    }
    assert len(digests) == 1


def test_registration_then_promotion_put_a_users_model_on_a_stage(tmp_path: Path) -> None:
    joblib.dump(
        LinearRegression().fit([[1.0, 2.0], [2.0, 1.0]], [3.0, 4.0]), tmp_path / "My.joblib"
    )

    registered = run_script(tmp_path, "scripts/register_model.py", "My.joblib")
    promoted = run_script(tmp_path, "scripts/promote_model.py", "my", "1", "--to", "production")

    assert (registered.returncode, registered.stderr) == (0, "")
    assert registered.stdout.startswith("my 1: regression, 2 features\n")
    target = tmp_path / "model/production/model.joblib"
    assert (promoted.returncode, promoted.stderr) == (0, "")
    assert promoted.stdout.endswith(f"\nmy 1 is promoted: {target}\n")
    assert read_folder(target.parent).contract.name == "my"


def test_the_first_model_is_made(tmp_path: Path) -> None:
    done = run_module(tmp_path, "scripts.first_model")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no model was promoted: trained diabetes and promoted it to dev\n"


def test_a_refusal_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = run_script(tmp_path, "scripts/run_training.py", "--csv", "none.csv", "--target", "y")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: none.csv: cannot be read as CSV")
    assert done.stderr.count("\n") == 1
