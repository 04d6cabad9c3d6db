from __future__ import annotations

from collections.abc import Iterator

import pytest

from test.builders import a_classification_table, a_promoted_model
from test.e2e.certificates import a_certificate
from test.e2e.obedient import an_obedient_model
from test.e2e.server import Server, project, running_server

MAX_BODY_BYTES = 20_000
LIMIT = 50
RUNS_LINES_OF_ITS_OWN = {"test_deployment", "test_draining", "test_refusals", "test_workers"}


@pytest.fixture(autouse=True, scope="module")
def _unmeasured_servers(request: pytest.FixtureRequest) -> None:
    """Measure the coverage of launchers, not of all servers: other tests run the same lines."""
    if request.module.__name__.rpartition(".")[2] not in RUNS_LINES_OF_ITS_OWN:
        request.getfixturevalue("unmeasured_processes")


@pytest.fixture(autouse=True)
def _unmeasured_callers(no_cover: None) -> None:
    """Measure no coverage of those who ask: what counts runs in the servers."""


@pytest.fixture(scope="session", params=["granian", "gunicorn"])
def kind(request: pytest.FixtureRequest) -> str:
    """The server under test."""
    return str(request.param)


@pytest.fixture(scope="session")
def gateway(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker that many tests share; a test spends the limit of subjects of its own only."""
    root = tmp_path_factory.mktemp(f"gateway-{kind}")
    an_obedient_model(project(root))
    with running_server(
        root,
        SERVER=kind,
        RATE_LIMIT=f"{LIMIT} per minute",
        MAX_REQUEST_SIZE=str(MAX_BODY_BYTES),
        GATEHOUSE_SECURITY__FAILED_AUTH_LIMIT="1000 per minute",
    ) as server:
        yield server


@pytest.fixture(scope="session")
def production(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A classification model in ``APP_ENV=prod``, behind TLS."""
    root = tmp_path_factory.mktemp(f"production-{kind}")
    a_certificate(root)
    a_promoted_model(project(root, APP_ENV="prod"), a_classification_table())
    with running_server(
        root,
        SERVER=kind,
        APP_ENV="prod",
        GATEHOUSE_SSL_CERT="cert.pem",
        GATEHOUSE_SSL_KEY="key.pem",
    ) as server:
        yield server
