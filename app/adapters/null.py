"""Adapters that do nothing, for a process or a test that has nobody to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.audit import Event
from app.domain.comparison import ShadowReport
from app.domain.ports import Matrix
from app.domain.prediction import Result, ServedModel


class NoAlerts:
    """Fulfils the port ``Alerts``."""

    def raise_alert(self, kind: str, context: Mapping[str, str]) -> None:
        """Tell nobody."""


class NoAudit:
    """Fulfils the port ``Audit``."""

    def record(self, event: Event) -> None:
        """Remember nothing."""


class NullMetrics:
    """Fulfils the port ``Metrics``."""

    def request(self, *, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count nothing."""

    def error(self, kind: str) -> None:
        """Count nothing."""

    def in_flight(self, change: int) -> None:
        """Count nothing."""

    def authentication_failed(self, reason: str) -> None:
        """Count nothing."""

    def limited(self, policy: str) -> None:
        """Count nothing."""

    def limit_store_failed(self) -> None:
        """Count nothing."""

    def keys_refreshed(self, outcome: str) -> None:
        """Count nothing."""

    def audited(self, outcome: str, events: int) -> None:
        """Count nothing."""

    def cache(self, outcome: str) -> None:
        """Count nothing."""

    def model_loaded(self, *, model: str, version: str, seconds: float) -> None:
        """Count nothing."""

    def model_load_failed(self, model: str) -> None:
        """Count nothing."""

    def engine_fell_back(self, *, model: str, engine: str) -> None:
        """Count nothing."""

    def model_evicted(self, model: str) -> None:
        """Count nothing."""

    def features(
        self, *, model: str, names: Sequence[str], means: Sequence[float], outside: int
    ) -> None:
        """Count nothing."""

    def predicted(self, *, seconds: float, confidences: Sequence[float]) -> None:
        """Count nothing."""

    def answered(self, *, model: str, version: str, seconds: float) -> None:
        """Count nothing."""

    def unanswered(self, *, model: str, version: str, status: int) -> None:
        """Count nothing."""

    def shadowed(self, report: ShadowReport) -> None:
        """Count nothing."""

    def judged(self, *, model: str, ruling: str) -> None:
        """Count nothing."""

    def exposition(self) -> tuple[str, bytes]:
        """Return an empty text."""
        return "text/plain; charset=utf-8", b""


class NoDriftWatch:
    """Fulfils ``DriftWatch`` where nobody watches."""

    def observe(self, model: ServedModel, matrix: Matrix, result: Result) -> None:
        """Keep nothing."""
