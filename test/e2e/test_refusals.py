from __future__ import annotations

import os
import pickle
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from app import serve
from test.builders import a_promoted_model
from test.e2e.certificates import a_certificate
from test.e2e.damage import DAMAGE, two_models
from test.e2e.server import free_port, project, run_launcher, variables

pytestmark = pytest.mark.e2e
Done = subprocess.CompletedProcess[str]
Launch = Callable[..., Done]
SHORT = "Sh0rt-but-private"
BREAK_THE_SERVER = """
import sys
if any(name in sys.orig_argv for name in ("granian", "gunicorn")):
    sys.modules["flask"] = None
"""
TLS = {"GATEHOUSE_SSL_CERT": "cert.pem", "GATEHOUSE_SSL_KEY": "key.pem"}


@pytest.fixture(autouse=True)
def _unmeasured_callers() -> None:
    """Measure the coverage here too: the launcher runs in this process."""


@pytest.fixture
def launch(capsys: pytest.CaptureFixture[str]) -> Launch:
    """Starts the launcher in this process, where it must refuse before it looks at a model."""

    def started(root: Path, **environment: str) -> Done:
        environment = {"PORT": str(free_port())} | environment
        with patch.dict(os.environ, variables(root, **environment), clear=True):
            status = serve.main()
        said = capsys.readouterr()
        return Done([], status, said.out, said.err)

    return started


def _check_refusal(done: Done, *named: str) -> None:
    """The launcher has ended with one message that names what must be mended."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stderr
    _, *more = done.stderr.splitlines()
    assert all(line.startswith("  ") for line in more), "only a list may follow the first line"
    assert [name for name in named if name not in done.stderr] == []


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_model_is_refused(tmp_path: Path, name: str) -> None:
    file = two_models(project(tmp_path))
    DAMAGE[name].do(file)

    done = run_launcher(tmp_path)

    _check_refusal(done, str(file), DAMAGE[name].said)


def test_a_model_without_a_contract_is_refused_in_production(tmp_path: Path) -> None:
    file = two_models(project(tmp_path, APP_ENV="prod"))
    file.with_name("manifest.json").unlink()

    done = run_launcher(tmp_path, APP_ENV="prod")

    _check_refusal(done, str(file), "there is no manifest.json", "model.sha256")


class _Crash:
    """Ends the process that unpickles it, as a broken native library would."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return os.abort, ()


def test_a_model_that_ends_the_process_is_named(tmp_path: Path) -> None:
    file = tmp_path / "model/dev/model.joblib"
    project(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps(_Crash()))

    done = run_launcher(tmp_path, GATEHOUSE_SECURITY__ALLOWED_MODULES='["posix.abort"]')

    _check_refusal(done, str(file), "ended the process")


def test_nothing_promoted_is_refused(tmp_path: Path) -> None:
    project(tmp_path)

    done = run_launcher(tmp_path)

    _check_refusal(done, "model/dev/model.joblib", "there is no such file")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What an operator has written, and what the message must name."""

    named: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


MISTAKES = {
    "an overlay that is no YAML": Mistake(
        ("configs/dev.yaml", "line 1"), files={"configs/dev.yaml": "model: {model_path: [}\n"}
    ),
    "an unknown key": Mistake(
        ("configs/dev.yaml", "model.retires", "model.retries"),
        files={"configs/dev.yaml": "model: {retires: 3}\n"},
    ),
    "a wrong type": Mistake(
        ("config.yaml", "server.workers", "many"),
        files={"config.yaml": "server: {workers: many}\n"},
    ),
    "a wrong variable": Mistake(("WORKERS", "server.workers"), environment={"WORKERS": "0"}),
    "a log file that cannot be written": Mistake(
        ("log.file", "/dev/null/x.log"), environment={"GATEHOUSE_LOG__FILE": "/dev/null/x.log"}
    ),
    "a folder that cannot be written": Mistake(
        ("runtime_path", "/dev/null/x"), environment={"GATEHOUSE_RUNTIME_PATH": "/dev/null/x"}
    ),
    "a name that nobody has": Mistake(
        ("no.such.host.invalid", "HOST"), environment={"HOST": "no.such.host.invalid"}
    ),
    "no such environment": Mistake(("APP_ENV", "dev, staging"), environment={"APP_ENV": "test"}),
    "a short secret": Mistake(
        ("JWT_SECRET", "shorter than the 32 bytes", "openssl rand"),
        environment={"APP_ENV": "prod", "JWT_SECRET": SHORT},
    ),
    "no secret": Mistake(
        ("jwt_secret", "is missing"), environment={"APP_ENV": "prod", "JWT_SECRET": ""}
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_wrong_settings_are_refused(launch: Launch, tmp_path: Path, name: str) -> None:
    mistake = MISTAKES[name]
    project(tmp_path)
    for file, text in mistake.files.items():
        (tmp_path / file).write_text(text)

    done = launch(tmp_path, **mistake.environment)

    _check_refusal(done, *mistake.named)
    assert SHORT not in done.stderr


def test_a_port_in_use_is_refused(launch: Launch, kind: str, tmp_path: Path) -> None:
    project(tmp_path)
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = launch(tmp_path, PORT=str(port), SERVER=kind)

    _check_refusal(done, f"127.0.0.1:{port}", "address already in use", "PORT")


def test_a_key_of_another_certificate_is_refused(launch: Launch, tmp_path: Path) -> None:
    project(tmp_path)
    a_certificate(tmp_path / "other")
    a_certificate(tmp_path)
    (tmp_path / "other" / "key.pem").replace(tmp_path / "key.pem")

    done = launch(tmp_path, **TLS)

    _check_refusal(done, "ssl_cert, ssl_key", "belong together")


def test_a_key_that_granian_cannot_read_is_refused(launch: Launch, tmp_path: Path) -> None:
    project(tmp_path)
    a_certificate(tmp_path, key_format=PrivateFormat.TraditionalOpenSSL)

    done = launch(tmp_path, **TLS)

    _check_refusal(done, "ssl_key", "PKCS#8", "openssl pkcs8")


def test_a_server_that_cannot_start_is_not_started_again(kind: str, tmp_path: Path) -> None:
    """What no check foresees: here a worker cannot import the app."""
    a_promoted_model(project(tmp_path))
    (tmp_path / "sitecustomize.py").write_text(BREAK_THE_SERVER)

    done = run_launcher(tmp_path, SERVER=kind, PYTHONPATH=str(tmp_path))

    assert done.returncode == 1
    assert "server ended before it answered" in done.stderr
    assert done.stdout == ""
