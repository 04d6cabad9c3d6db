from __future__ import annotations

import sys
from pathlib import Path

import pytest

from test.builders import a_promoted_model
from test.e2e.calls import ask, predict, until
from test.e2e.server import free_port, health, running_server
from test.e2e.test_answers import check_problem

pytestmark = pytest.mark.e2e


def _without_launcher(kind: str, port: int) -> list[str]:
    """The server by itself, as another process manager would start it."""
    if kind == "gunicorn":
        return [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "app.wsgi:app"]
    options = ["--interface", "wsgi", "--port", str(port)]
    return [sys.executable, "-m", "granian", *options, "app.wsgi:app"]


def test_without_any_good_version_it_is_503_until_one_is_promoted(
    kind: str, tmp_path: Path
) -> None:
    port = free_port()
    command = _without_launcher(kind, port)

    with running_server(tmp_path, command=command, ready="/livez", PORT=str(port)) as server:
        refused = predict(server)
        check_problem(refused, 503)
        assert int(refused.headers["Retry-After"]) > 0
        assert ask(server, "GET", "/readyz").status == 503
        assert ask(server, "GET", "/api/v1/health").status == 503
        assert health(server)["status"] == "unhealthy"
        assert "there is no such file" in health(server)["model"]["problem"]

        a_promoted_model(server.settings)

        until(lambda: ask(server, "GET", "/readyz").status == 200, "the model is not taken")
        assert predict(server).status == 200
        assert health(server)["status"] == "healthy"
