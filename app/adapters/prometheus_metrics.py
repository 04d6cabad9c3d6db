"""The metrics as Prometheus sees them, summed over all workers of the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Summary,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS: Final = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_CONFIDENCE: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class PrometheusMetrics:
    """Fulfils the port ``Metrics``.

    Args:
        directory: where workers share their values (``PROMETHEUS_MULTIPROC_DIR``, which must be
            set before this module is imported); None keeps them in this process.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._registry = CollectorRegistry()
        self._count_requests()
        self._count_predictions()
        self._count_guarding()

    def _count_requests(self) -> None:
        self._requests = self._labelled(
            Counter, "http_requests", "Answered requests.", "method", "endpoint", "status"
        )
        text = "Time from the first header to the answer."
        name = "http_request_duration_seconds"
        self._durations = self._labelled(Histogram, name, text, "endpoint", buckets=_SECONDS)
        text = "Failures by the kind of problem."
        self._errors = self._labelled(Counter, "http_errors", text, "type")
        self._in_flight = Gauge(
            "gatehouse_requests_in_flight",
            "Requests now at work.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def _count_predictions(self) -> None:
        name, text = "prediction_duration_seconds", "Time of one call of the engine."
        self._predictions = Summary(name, text, registry=self._registry)
        name, text = "model_load_duration_seconds", "Time to verify and load a model."
        self._loads = Summary(name, text, registry=self._registry)
        name, text = "gatehouse_model_load_failures", "Loads that were refused."
        self._load_failures = self._labelled(Counter, name, text, "model")
        name, text = "request_duration_seconds_by_model", "Time of a prediction request, by model."
        self._by_model = self._labelled(Histogram, name, text, "model", "version", buckets=_SECONDS)
        name, text = "prediction_confidence", "Highest class probability of each classified row."
        self._confidence: Any = Histogram(name, text, buckets=_CONFIDENCE, registry=self._registry)
        name, text = "feature_mean_value", "Mean of each feature in each request."
        mean_of = self._labelled(Summary, name, text, "feature")
        self._means = lru_cache(256)(lambda names: [mean_of(name) for name in names])
        name, text = "gatehouse_values_outside_training", "Values outside the range of training."
        self._outside = self._labelled(Counter, name, text, "model")

    def _count_guarding(self) -> None:
        name, text = "gatehouse_authentication_failures", "Refused tokens by reason."
        self._failed_tokens = self._labelled(Counter, name, text, "reason")
        name, text = "gatehouse_rate_limited", "Requests refused by a rate limit."
        self._limited = self._labelled(Counter, name, text, "policy")
        name, text = "gatehouse_limit_store_failures", "Requests whose limit could not be counted."
        self._limit_failures = Counter(name, text, registry=self._registry)
        name, text = "gatehouse_key_refreshes", "Looks at the public keys of token issuers."
        self._key_refreshes = self._labelled(Counter, name, text, "outcome")
        name, text = "gatehouse_audit_events", "Events of the audit log."
        self._audit_events = self._labelled(Counter, name, text, "outcome")
        name, text = "gatehouse_cache_lookups", "Looks into the cache."
        self._cache = self._labelled(Counter, name, text, "outcome")

    def _labelled(self, kind: Any, name: str, text: str, *labels: str, **options: Any) -> Any:
        """Return what gives the child for label values; children are looked up once."""
        metric = kind(name, text, labels, registry=self._registry, **options)
        return lru_cache(4096)(metric.labels)

    def request(self, *, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count one answered request of *endpoint*, a route pattern."""
        self._requests(method if method in _METHODS else "other", endpoint, status).inc()
        self._durations(endpoint).observe(seconds)

    def error(self, kind: str) -> None:
        """Count one failure by the kind of its problem."""
        self._errors(kind).inc()

    def in_flight(self, change: int) -> None:
        """Add *change* to the requests now at work."""
        self._in_flight.inc(change)

    def authentication_failed(self, reason: str) -> None:
        """Count one refused token."""
        self._failed_tokens(reason).inc()

    def limited(self, policy: str) -> None:
        """Count one request refused by the rate limit *policy*."""
        self._limited(policy).inc()

    def limit_store_failed(self) -> None:
        """Count one request for which the store of the limits gave no answer."""
        self._limit_failures.inc()

    def keys_refreshed(self, outcome: str) -> None:
        """Count one look at the public keys."""
        self._key_refreshes(outcome).inc()

    def audited(self, outcome: str, events: int) -> None:
        """Count *events* of the audit log."""
        self._audit_events(outcome).inc(events)

    def cache(self, outcome: str) -> None:
        """Count one look into the cache: hit, miss or bypass."""
        self._cache(outcome).inc()

    def model_loaded(self, *, model: str, version: str, seconds: float) -> None:
        """Record that a version was verified and loaded."""
        self._by_model(model, version)
        self._loads.observe(seconds)

    def model_load_failed(self, model: str) -> None:
        """Count one load that was refused."""
        self._load_failures(model).inc()

    def features(
        self, *, model: str, names: Sequence[str], means: Sequence[float], outside: int
    ) -> None:
        """Record the mean of each feature in one request, and the values outside training."""
        for child, mean in zip(self._means(names), means, strict=True):
            if mean == mean:  # noqa: PLR0124  NaN, no value in any row, would stay in the sum
                child.observe(mean)
        if outside:
            self._outside(model).inc(outside)

    def predicted(self, *, seconds: float, confidences: Sequence[float]) -> None:
        """Record one call of the engine and, in a classification, each row's top probability.

        Rows are sorted into the histogram's buckets at once: one ``observe`` a row would cost
        more than the model.
        """
        self._predictions.observe(seconds)
        if len(confidences) == 1:
            self._confidence.observe(confidences[0])
        elif confidences:
            places = np.searchsorted(self._confidence._upper_bounds, confidences)  # noqa: SLF001
            for place, count in zip(*np.unique(places, return_counts=True), strict=True):
                self._confidence._buckets[place].inc(int(count))  # noqa: SLF001
            self._confidence._sum.inc(float(sum(confidences)))  # noqa: SLF001

    def answered(self, *, model: str, version: str, seconds: float) -> None:
        """Record one prediction request from its headers to its answer."""
        self._by_model(model, version).observe(seconds)

    def exposition(self) -> tuple[str, bytes]:
        """Return content type and text of all workers' metrics."""
        registry = self._registry
        if self._directory is not None:
            _forget_dead_gauges(self._directory)
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self._directory))  # type: ignore[no-untyped-call]
        return CONTENT_TYPE_LATEST, generate_latest(registry)


def _forget_dead_gauges(directory: Path) -> None:
    """Drop what killed workers had in flight; their counters and histograms stay."""
    for file in directory.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and not _is_alive(int(pid)):
            file.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
