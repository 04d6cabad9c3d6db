"""The command line as a real process, found by path and as a module."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from test.builders import SECRET
from test.unit.scripts.process import Done, run_module, run_script

pytestmark = pytest.mark.usefixtures("unmeasured_processes")


def by_path(root: Path, *arguments: str, **variables: str) -> Done:
    """Run it from another folder than the project's."""
    return run_script(root, "jwt_tools/generate_token.py", *arguments, **variables)


def as_module(root: Path, *arguments: str, **variables: str) -> Done:
    return run_module(root, "jwt_tools.generate_token", *arguments, **variables)


@pytest.mark.parametrize("run", [by_path, as_module])
def test_the_token_is_made_with_the_secret_of_the_settings(
    tmp_path: Path, run: Callable[..., Done]
) -> None:
    done = run(tmp_path, JWT_SECRET=SECRET)

    assert done.returncode == 0
    assert jwt.decode(done.stdout.strip(), SECRET, algorithms=["HS256"])["sub"] == "developer"
    assert done.stderr.count("\n") == 1


def test_dev_makes_its_secret_in_the_runtime_folder(tmp_path: Path) -> None:
    first, second = (by_path(tmp_path).stdout.strip() for _ in range(2))

    file = tmp_path / "runtime" / "dev-jwt-secret"
    for token in (first, second):
        jwt.decode(token, file.read_text(), algorithms=["HS256"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_refusal_is_one_message_and_status_2(tmp_path: Path) -> None:
    done = by_path(tmp_path, "--env", "prod", JWT_SECRET="too-short-Zx9Qk")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the settings are refused (APP_ENV=prod):\n")
    assert "Traceback" not in done.stderr
    assert "Zx9Qk" not in done.stderr
