"""What the gateway's metrics say."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.parser import text_string_to_metric_families

from app.settings.schema import Settings
from test.e2e.calls import PREDICT, Address, ask

METRICS = "/api/v1/metrics"


def text(server: Address) -> str:
    reply = ask(server, "GET", METRICS)
    assert reply.status == 200
    return reply.body.decode()


def total(server: Address, name: str, wanted: Callable[[dict[str, str]], bool]) -> float:
    """Return the sum of the samples *name* whose labels are *wanted*."""
    families = text_string_to_metric_families(text(server))
    samples = (sample for family in families for sample in family.samples)
    return sum(s.value for s in samples if s.name == name and wanted(s.labels))


def by_worker(settings: Settings, endpoint: str = "") -> dict[int, float]:
    """Return how many requests of routes with *endpoint* in them each worker counts, by pid."""
    counted: dict[int, float] = {}
    for file in settings.metrics_directory.glob("counter_*.db"):
        values = MmapedDict.read_all_values_from_file(str(file))  # type: ignore[no-untyped-call]
        calls = [value for key, value, *_ in values if "http_requests" in key and endpoint in key]
        counted[int(file.stem.rpartition("_")[2])] = sum(calls)
    return counted


def predictions(server: Address, status: str = "200") -> float:
    """Return how many predict calls were answered with *status*."""
    wanted = {"method": "POST", "endpoint": PREDICT, "status": status}
    return total(server, "http_requests_total", lambda labels: labels == wanted)


def server_errors(server: Address) -> float:
    """Return how many requests of any kind were answered with 5xx."""
    return total(server, "http_requests_total", lambda labels: labels["status"].startswith("5"))


def in_flight(server: Address) -> float:
    """Return how many requests are at work, the one that asks among them."""
    return total(server, "gatehouse_requests_in_flight", lambda _: True)
