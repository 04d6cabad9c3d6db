"""Runs a command line as a user does: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings.overlay import PREFIX, PROJECT, SHORT_NAMES
from test.builders import some_settings

Done = subprocess.CompletedProcess[str]


def environment(root: Path, **variables: str) -> dict[str, str]:
    """This process's variables without any that sets something, and the settings of *root*."""
    inherited = {name: value for name, value in os.environ.items() if not _sets_something(name)}
    some_settings(root)
    return inherited | {"CONFIG_PATH": str(root / "config.yaml")} | variables


def enter(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this process one that was started in *root*, with the settings of *root*."""
    for name in filter(_sets_something, list(os.environ)):
        monkeypatch.delenv(name)
    some_settings(root)
    monkeypatch.setenv("CONFIG_PATH", str(root / "config.yaml"))
    monkeypatch.chdir(root)
    return root


def _sets_something(name: str) -> bool:
    return name in {"APP_ENV", "CONFIG_PATH", *SHORT_NAMES} or name.startswith(PREFIX)


def run_script(root: Path, script: str, *arguments: str | Path, **variables: str) -> Done:
    """Run ``python <project>/<script>`` with the settings of *root*, from another folder."""
    return subprocess.run(
        [sys.executable, str(PROJECT / script), *map(str, arguments)],
        cwd=root,
        env=environment(root, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_module(root: Path, module: str, *arguments: str, **variables: str) -> Done:
    """Run ``python -m <module>`` in the project's folder with the settings of *root*."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT,
        env=environment(root, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
