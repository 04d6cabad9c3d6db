from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.adapters.alerts import SlackAlerts
from app.adapters.lmdb_limits import LmdbLimits
from app.adapters.null import NullMetrics


class Webhook:
    """A webhook that keeps what it is sent, and fails when it is told to."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.status = 200
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.texts.append(json.loads(body)["text"])
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def wait_for(self, count: int) -> list[str]:
        deadline = time.monotonic() + 10
        while len(self.texts) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.texts


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()
    thread.join()


def alerts_of(webhook: Webhook, folder: Path) -> SlackAlerts:
    return SlackAlerts(webhook.url, LmdbLimits(folder / "limits.lmdb", NullMetrics()))


def test_one_message_a_kind_and_minute_is_sent(webhook: Webhook, tmp_path: Path) -> None:
    workers = [alerts_of(webhook, tmp_path) for _ in range(2)]
    for worker in workers:
        for _ in range(5):
            worker.raise_alert("503 model-not-ready", {"request_id": "r-1"})
    workers[0].raise_alert("500 internal-error", {"request_id": "r-2"})

    texts = webhook.wait_for(2)

    assert sorted(texts) == [
        "Gatehouse answers 500 internal-error (request_id r-2)",
        "Gatehouse answers 503 model-not-ready (request_id r-1)",
    ]


def test_a_webhook_that_fails_stops_no_later_message(webhook: Webhook, tmp_path: Path) -> None:
    alerts = alerts_of(webhook, tmp_path)
    webhook.status = 500
    alerts.raise_alert("first", {})
    webhook.wait_for(1)
    webhook.status = 200
    alerts.raise_alert("second", {})

    assert webhook.wait_for(2)[1] == "Gatehouse answers second ()"


def test_an_outage_of_the_limit_store_is_told_once_a_minute_too(
    webhook: Webhook, tmp_path: Path
) -> None:
    alerts = alerts_of(webhook, tmp_path)
    (tmp_path / "limits.lmdb").write_bytes(b"no database" * 999)

    for kind in ("503 limit-store-down", "503 limit-store-down", "500 internal-error"):
        alerts.raise_alert(kind, {})

    assert webhook.wait_for(2) == [
        "Gatehouse answers 503 limit-store-down ()",
        "Gatehouse answers 500 internal-error ()",
    ]
