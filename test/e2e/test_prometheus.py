from __future__ import annotations

import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from test.e2e import exposition
from test.e2e.calls import PREDICT, Address, ask, predict, until
from test.e2e.programs import require_program
from test.e2e.server import Server, free_port

pytestmark = pytest.mark.e2e

CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: gatehouse
    metrics_path: {path}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@contextmanager
def _prometheus(scraped: Server, folder: Path) -> Iterator[Address]:
    """Run a Prometheus that watches one gateway."""
    program = require_program("prometheus", "prometheus")
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(path=exposition.METRICS, port=scraped.port))
    own = Address(port=free_port())
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own.port}",
        "--log.level=error",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield own
    finally:
        process.terminate()
        process.wait(20)


def _asked(prometheus: Address, query: str) -> float | None:
    """Return the one value that *query* has now."""
    path = "/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        reply = ask(prometheus, "GET", path)
    except ConnectionError:
        return None
    if reply.status != 200:
        return None
    found = reply.json()["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def test_prometheus_scrapes_the_right_number(gateway: Server, tmp_path: Path) -> None:
    with _prometheus(gateway, tmp_path) as prometheus:
        statuses = [predict(gateway).status for _ in range(7)]
        counted = exposition.predictions(gateway)
        wanted = f'endpoint="{PREDICT}",method="POST",status="200"'

        assert statuses == [200] * 7
        assert counted >= 7
        until(
            lambda: _asked(prometheus, f"http_requests_total{{{wanted}}}") == counted,
            f"Prometheus does not say {counted}",
        )
        assert _asked(prometheus, 'up{job="gatehouse"}') == 1


def test_promtool_has_nothing_to_say(gateway: Server) -> None:
    promtool = require_program("promtool", "prometheus")
    assert predict(gateway).status == 200

    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=exposition.text(gateway),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
