"""Joins each port to its adapter: the only file that names a concrete serving adapter."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from app.adapters.alerts import SlackAlerts
from app.adapters.joblib_models import SklearnEngine, unpickle
from app.adapters.jwt_tokens import JwtTokens
from app.adapters.lmdb_limits import LmdbLimits
from app.adapters.lru_cache import LruCache
from app.adapters.null import NoAlerts, NullMetrics
from app.adapters.prometheus_metrics import PrometheusMetrics
from app.adapters.promoted_models import PromotedModels
from app.adapters.watched_model import WatchedModel
from app.domain.contract import Contract
from app.domain.ports import Engine, Metrics
from app.domain.rows import RowReader
from app.errors import ModelRejectedError
from app.gate.readers import Readers
from app.gate.services import Services
from app.settings.schema import Settings
from app.settings.secret import signing_key


def build_services(settings: Settings, metrics_directory: Path | None = None) -> Services:
    """Build all that one worker needs. Nothing is opened before it is first used."""
    metrics = PrometheusMetrics(metrics_directory)
    runtime = settings.path(settings.runtime_path)
    limits = LmdbLimits(runtime / "limits.lmdb", metrics)
    webhook = settings.alerts.slack_webhook
    security = settings.security
    return Services(
        settings=settings,
        models=WatchedModel(_promoted_models(settings, metrics)),
        tokens=JwtTokens(
            signing_key(settings),
            algorithm=security.jwt_algorithm,
            issuer=security.issuer,
            audience=security.audience,
            leeway_seconds=security.leeway_seconds,
            now=lambda: datetime.now(UTC).timestamp(),
        ),
        limits=limits,
        cache=LruCache(settings.cache.max_entries) if settings.cache.max_entries else None,
        metrics=metrics,
        alerts=SlackAlerts(webhook.get_secret_value(), limits) if webhook else NoAlerts(),
        now=partial(datetime.now, UTC),
        readers=Readers(settings.server.threads),
        is_draining=settings.draining_file.exists,
    )


def check_model(settings: Settings) -> None:
    """Verify and open the promoted model once, and keep it as the last good one.

    Raises:
        ModelRejectedError: it cannot be verified.
    """
    source = _promoted_models(settings, NullMetrics())
    try:
        source.load()
    except ModelRejectedError as error:
        fix = f".venv/bin/python scripts/promote_model.py NAME VERSION --to {settings.stage}"
        raise ModelRejectedError(f"{source.path.parent}/{error}. Fix: {fix}") from error


def _promoted_models(settings: Settings, metrics: Metrics) -> PromotedModels:
    """Return the source of this environment's default model."""
    model = settings.model
    return PromotedModels(
        path=settings.path(model.model_path),
        kept=settings.path(settings.runtime_path) / "models",
        reader_of=partial(_reader, settings),
        metrics=metrics,
        retries=model.retries,
        retry_delay_seconds=model.retry_delay_seconds,
        bare_sha256=model.sha256,
        accepts_bare=settings.environment != "prod",
        n_features=model.n_features,
    )


def open_estimator(payload: bytes) -> Any:
    """Unpickle *payload* through the one door for it, for a command line of its owner.

    Raises:
        ModelRejectedError: the bytes are no joblib file, or lack a library.
    """
    return unpickle(payload)


def reference_engine(estimator: Any, *, has_probabilities: bool) -> Engine:
    """Return the scikit-learn engine around *estimator*."""
    return SklearnEngine(estimator, has_probabilities=has_probabilities)


def _reader(settings: Settings, contract: Contract) -> RowReader:
    bounds = settings.model.input_validation
    return RowReader(
        contract,
        min_value=bounds.min_value,
        max_value=bounds.max_value,
        nan_replacement=settings.nan_replacement,
        max_rows=settings.model.max_rows,
    )
