"""Joins each port to its adapter: the only package that names a concrete serving adapter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.adapters.alerts import SlackAlerts
from app.adapters.lru_cache import LruCache
from app.adapters.null import NoAlerts
from app.adapters.prometheus_metrics import PrometheusMetrics
from app.adapters.reloaded_rules import ReloadedRules
from app.gate.readers import Readers
from app.gate.services import Services
from app.gate.turns import Turns
from app.settings import overlay
from app.settings.schema import Settings
from app.wiring.changes import StageChanges
from app.wiring.drift import drift_watch
from app.wiring.entities import entity_features
from app.wiring.models import (
    check_model,
    open_compiled,
    open_estimator,
    reference_engine,
    stage_models,
)
from app.wiring.trust import audit, audit_log, counted_limits, revocations, tokens

__all__ = [
    "audit_log",
    "build_services",
    "check_model",
    "open_compiled",
    "open_estimator",
    "reference_engine",
    "revocations",
]


def build_services(
    settings: Settings,
    metrics_directory: Path | None = None,
    load: Callable[[], Settings] = overlay.load,
) -> Services:
    """Build all that one worker needs. Nothing is opened before it is first used."""
    metrics = PrometheusMetrics(metrics_directory)
    limits = counted_limits(settings, metrics)
    webhook = settings.alerts.slack_webhook
    alerts = SlackAlerts(webhook.get_secret_value(), limits) if webhook else NoAlerts()
    audit_queue = audit(settings, metrics)
    changes = StageChanges(settings)
    return Services(
        settings=settings,
        rules=ReloadedRules(settings, load, settings.reload_file),
        models=stage_models(settings, metrics, audit_queue, changes),
        changes=changes,
        drift=drift_watch(settings, metrics.drift, alerts, limits),
        entities=entity_features(settings),
        tokens=tokens(settings, metrics),
        revocations=revocations(settings, metrics),
        limits=limits,
        audit=audit_queue,
        cache=LruCache(settings.cache.max_entries) if settings.cache.max_entries else None,
        metrics=metrics,
        alerts=alerts,
        now=partial(datetime.now, UTC),
        readers=Readers(settings.server.threads),
        turns=Turns(settings.server.max_queue_ms / 1e3, threads=settings.server.threads),
        is_draining=settings.draining_file.exists,
    )
