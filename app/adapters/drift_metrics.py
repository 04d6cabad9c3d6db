"""How far live rows are from training, for Prometheus: the worst of all workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Metric
from prometheus_client.multiprocess import MultiProcessCollector

NAME: Final = "gatehouse_feature_drift_index"
_TEXT: Final = "Population stability index of a feature: the newest rows against training."
_NOTHING: Final = -inf  # less than any index, so another worker's counts


class DriftMetrics:
    """The gauge that the watch of each worker sets.

    Each worker sees a part of the rows, so its index is an estimate of one and the same. Of several
    the largest is shown: drift that reaches one worker only, such as through a caller that keeps
    its connection, is drift. A worker that has died counts no more.

    Args:
        registry: of all metrics.
        is_shared: whether workers share their values in files, from which nothing can be removed.
    """

    def __init__(self, registry: CollectorRegistry, *, is_shared: bool) -> None:
        labels = ("model", "feature")
        self._gauge = Gauge(NAME, _TEXT, labels, registry=registry, multiprocess_mode="livemax")
        self._is_shared = is_shared

    def show(self, model: str, indices: Mapping[str, float]) -> None:
        """Set the index of each feature of *model*."""
        for feature, index in indices.items():
            self._gauge.labels(model, feature).set(index)

    def hide(self, model: str, features: Iterable[str]) -> None:
        """Show nothing any more for these, until they are set again."""
        for feature in features:
            if self._is_shared:
                self._gauge.labels(model, feature).set(_NOTHING)
            else:
                self._gauge.remove(model, feature)


class SharedMetrics(MultiProcessCollector):
    """Adds up the files of all workers, without the indices that are hidden in all of them."""

    def __init__(self, registry: CollectorRegistry, folder: Path) -> None:
        super().__init__(registry, path=str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        found: list[Metric] = list(super().collect())  # type: ignore[no-untyped-call]
        for metric in found:
            if metric.name == NAME:
                metric.samples = [it for it in metric.samples if it.value != _NOTHING]
        return [metric for metric in found if metric.samples]
