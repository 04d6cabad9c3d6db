"""The metrics as Prometheus sees them, summed over all workers of the machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
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

from app.adapters.drift_metrics import DriftMetrics, SharedMetrics
from app.adapters.metric_cells import counted, distribution, means, summary
from app.adapters.shadow_metrics import ShadowMetrics
from app.domain.comparison import ShadowReport

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

    Attributes:
        drift: for the watch over live rows alone.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._registry = CollectorRegistry()
        self._pid = os.getpid()
        self._caches: list[Any] = []
        self._count_requests()
        self._count_predictions()
        self.drift = DriftMetrics(self._registry, is_shared=self._directory is not None)
        self._count_guarding()

    def _count_requests(self) -> None:
        name, text = "http_requests", "Answered requests."
        requests = self._labelled(Counter, name, text, "method", "endpoint", "status")
        self._requests = self._celled(lambda *labels: counted(requests(*labels)))
        text = "Time from the first header to the answer."
        name = "http_request_duration_seconds"
        durations = self._labelled(Histogram, name, text, "endpoint", buckets=_SECONDS)
        self._durations = self._celled(lambda endpoint: distribution(durations(endpoint)))
        text = "Failures by the kind of problem."
        self._errors = self._labelled(Counter, "http_errors", text, "type")
        name, text = "gatehouse_requests_in_flight", "Requests now at work."
        in_flight = Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")
        self._in_flight = self._celled(lambda: counted(in_flight))

    def _count_predictions(self) -> None:
        name, text = "prediction_duration_seconds", "Time of one call of the engine."
        predictions = Summary(name, text, registry=self._registry)
        self._predictions = self._celled(lambda: summary(predictions))
        name, text = "model_load_duration_seconds", "Time to verify and load a model."
        self._loads = Summary(name, text, registry=self._registry)
        name, text = "gatehouse_model_load_failures", "Loads that were refused."
        self._load_failures = self._labelled(Counter, name, text, "model")
        name, text = "gatehouse_engine_fallbacks", "Loads that a slower engine had to serve."
        self._fallbacks = self._labelled(Counter, name, text, "model", "engine")
        name, text = "gatehouse_model_evictions", "Models that made room for others."
        self._evictions = self._labelled(Counter, name, text, "model")
        name, text = "request_duration_seconds_by_model", "Time of a prediction request, by model."
        by_model = self._labelled(Histogram, name, text, "model", "version", buckets=_SECONDS)
        self._by_model = self._celled(lambda *labels: distribution(by_model(*labels)))
        name, text = "prediction_confidence", "Highest class probability of each classified row."
        confidence = Histogram(name, text, buckets=_CONFIDENCE, registry=self._registry)
        self._confidence = self._celled(lambda: distribution(confidence))
        name, text = "gatehouse_unanswered_predictions", "Predictions a version did not answer."
        self._unanswered = self._labelled(Counter, name, text, "model", "version", "status")
        self._shadows = ShadowMetrics(self._registry, self._celled)
        name, text = "feature_mean_value", "Mean of each feature in each request."
        mean_of = self._labelled(Summary, name, text, "feature")
        self._means = self._celled(lambda names: means(map(mean_of, names)))
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
        lookups = self._labelled(Counter, name, text, "outcome")
        self._cache = self._celled(lambda outcome: counted(lookups(outcome)))

    def _labelled(self, kind: Any, name: str, text: str, *labels: str, **options: Any) -> Any:
        """Return what gives the child for label values; children are looked up once."""
        metric = kind(name, text, labels, registry=self._registry, **options)
        return lru_cache(4096)(metric.labels)

    def _celled(self, cells_of: Callable[..., Any]) -> Callable[..., Any]:
        """Return *cells_of*, which remembers what it has found in this process."""
        remembered = lru_cache(4096)(cells_of)
        self._caches.append(remembered)
        return remembered

    def _begin_anew(self) -> None:
        """Find the cells of a process that was forked off, which has files of its own."""
        for remembered in self._caches:
            remembered.cache_clear()
        self._pid = os.getpid()

    def request(self, *, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count one answered request of *endpoint*, a route pattern."""
        self._requests(method if method in _METHODS else "other", endpoint, status).add(1.0)
        self._durations(endpoint).observe(seconds)

    def error(self, kind: str) -> None:
        """Count one failure by the kind of its problem."""
        self._errors(kind).inc()

    def in_flight(self, change: int) -> None:
        """Add *change* to the requests now at work; each request begins with it."""
        if self._pid != os.getpid():
            self._begin_anew()
        self._in_flight().add(change)

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
        self._cache(outcome).add(1.0)

    def model_loaded(self, *, model: str, version: str, seconds: float) -> None:
        """Record that a version was verified and loaded."""
        self._by_model(model, version)
        self._loads.observe(seconds)

    def model_load_failed(self, model: str) -> None:
        """Count one load that was refused."""
        self._load_failures(model).inc()

    def engine_fell_back(self, *, model: str, engine: str) -> None:
        """Count one load whose fastest engine could not serve; *engine* does instead."""
        self._fallbacks(model, engine).inc()

    def model_evicted(self, model: str) -> None:
        """Count one model that made room for another."""
        self._evictions(model).inc()

    def features(
        self, *, model: str, names: Sequence[str], means: Sequence[float], outside: int
    ) -> None:
        """Record the mean of each feature in one request, and the values outside training."""
        self._means(names).observe(means)
        if outside:
            self._outside(model).inc(outside)

    def predicted(self, *, seconds: float, confidences: Sequence[float]) -> None:
        """Record one call of the engine and, in a classification, each row's top probability.

        Rows are sorted into the histogram's buckets at once: one ``observe`` a row would cost
        more than the model.
        """
        self._predictions().observe(seconds)
        confidence = self._confidence()
        if len(confidences) == 1:
            confidence.observe(confidences[0])
        elif confidences:
            places = np.searchsorted(confidence.bounds, confidences)
            counts = np.bincount(places, minlength=len(confidence.buckets))
            confidence.observe_many(counts.tolist(), float(sum(confidences)))

    def answered(self, *, model: str, version: str, seconds: float) -> None:
        """Record one prediction request from its headers to its answer."""
        self._by_model(model, version).observe(seconds)

    def unanswered(self, *, model: str, version: str, status: int) -> None:
        """Count one prediction request that the chosen version did not answer."""
        self._unanswered(model, version, status).inc()

    def shadowed(self, report: ShadowReport) -> None:
        """Record what became of the copy of one request."""
        self._shadows.record(report)

    def judged(self, *, model: str, ruling: str) -> None:
        """Count one verdict on a candidate of *model*."""
        self._shadows.judged(model, ruling)

    def exposition(self) -> tuple[str, bytes]:
        """Return content type and text of all workers' metrics."""
        registry = self._registry
        if self._directory is not None:
            _forget_dead_gauges(self._directory)
            registry = CollectorRegistry()
            SharedMetrics(registry, self._directory)
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
