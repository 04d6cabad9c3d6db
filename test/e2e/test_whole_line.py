"""The whole life of a model with one command: too long for every day, `make soak` runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings.overlay import PROJECT
from test.e2e.server import variables

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif("SOAK_LINE" not in os.environ, reason="takes minutes: make soak"),
]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "runtime", "reports", "model", "__pycache__")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project's files without anything that was made."""
    copied = tmp_path / "checkout"
    shutil.copytree(PROJECT, copied, ignore=LEFT_OUT)
    (copied / ".venv").symlink_to(Path(sys.prefix))
    subprocess.run(["git", "init", "--quiet"], cwd=copied, check=True)
    return copied


def said_by(checkout: Path, *command: str) -> str:
    environment = variables(checkout) | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(
        command,
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_demonstration_passes_and_says_what_it_did(checkout: Path) -> None:
    said = said_by(checkout, ".venv/bin/python", "scripts/demo.py", "--data", "nowhere")

    _, _, summary = said.partition("== what was done\n")
    assert "serve by entity" in summary
    assert "watch drift" in summary


def test_the_stages_run_once_and_not_twice(checkout: Path) -> None:
    first = said_by(checkout, ".venv/bin/dvc", "repro")
    second = said_by(checkout, ".venv/bin/dvc", "repro")

    assert "spend 1: answers as trained" in first
    assert "Running stage" not in second
    assert "Data and pipelines are up to date." in second
