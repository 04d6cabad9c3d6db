"""What shadows find, for Prometheus: how far a candidate agrees, and how fast and sound it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.adapters.metric_cells import Distribution, counted, distribution
from app.domain.comparison import Comparison, FloatArray, ShadowReport

_BY: Final = ("model", "version")
_SECONDS: Final = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip
_DIFFERENCES: Final = (
    0.0, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0, 100.0, 1e3, 1e6,
)  # fmt: skip


class ShadowMetrics:
    """Counts reports by model and version of the candidate.

    Args:
        registry: of all metrics.
        celled: makes a function remember what it returns, in one process.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        celled: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        name, text = "gatehouse_shadow_requests", "Requests copied to a candidate."
        requests = Counter(name, text, (*_BY, "outcome"), registry=registry)
        self._requests = celled(lambda *labels: counted(requests.labels(*labels)))
        name, text = "gatehouse_shadow_rows", "Rows on which champion and candidate were compared."
        rows = Counter(name, text, (*_BY, "outcome"), registry=registry)
        self._rows = celled(lambda *labels: counted(rows.labels(*labels)))
        name = "gatehouse_shadow_absolute_difference"
        text = "Difference of each row's numbers, or of its probabilities."
        differences = Histogram(name, text, _BY, registry=registry, buckets=_DIFFERENCES)
        self._differences = celled(lambda *labels: distribution(differences.labels(*labels)))
        name = "gatehouse_shadow_duration_seconds"
        text = "Time of one request, or its share of a call for several: champion and candidate."
        seconds = Histogram(name, text, (*_BY, "role"), registry=registry, buckets=_SECONDS)
        self._seconds = celled(lambda *labels: distribution(seconds.labels(*labels)))
        name, text = "gatehouse_verdicts", "Canaries that were judged, by what was done with them."
        verdicts = Counter(name, text, ("model", "ruling"), registry=registry)
        self._verdicts = celled(lambda *labels: counted(verdicts.labels(*labels)))

    def record(self, report: ShadowReport) -> None:
        """Count *report*."""
        by = (report.model, report.version)
        self._requests(*by, report.outcome).add(report.n_requests)
        if report.champion_seconds:
            _observe(self._seconds(*by, "champion"), np.array(report.champion_seconds))
        if report.candidate_seconds is not None:
            each = np.full(report.n_requests, report.candidate_seconds)
            _observe(self._seconds(*by, "candidate"), each)
        if report.comparison is not None:
            self._compared(by, report.comparison)

    def judged(self, model: str, ruling: str) -> None:
        """Count one verdict."""
        self._verdicts(model, ruling).add(1.0)

    def _compared(self, by: tuple[str, str], found: Comparison) -> None:
        self._rows(*by, "agreed").add(found.n_agreeing)
        self._rows(*by, "differed").add(found.n_rows - found.n_agreeing)
        if found.differences is not None:
            _observe(self._differences(*by), found.differences)


def _observe(cells: Distribution, values: FloatArray) -> None:
    places = np.searchsorted(cells.bounds, values)
    counts = np.bincount(places, minlength=len(cells.buckets))
    cells.observe_many(counts.tolist(), float(values.sum()))
