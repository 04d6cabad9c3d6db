"""Joins the watch over live rows, and the report of drift, to what they need."""

from __future__ import annotations

import logging
from typing import Any, Final

from app.adapters.drift_metrics import DriftMetrics
from app.adapters.drift_watch import DriftMonitor
from app.adapters.null import NoDriftWatch
from app.domain.contract import Contract
from app.domain.ports import Alerts, Limits
from app.domain.rates import Charge, Rate
from app.errors import LimitStoreDownError
from app.gate.services import DriftWatch
from app.lifecycle.registry import read_version, registry_of
from app.lifecycle.stored import check_file
from app.settings.schema import Settings
from app.wiring.models import open_estimator

log = logging.getLogger("gatehouse.drift")
_ONE_A_DAY: Final = Rate(limit=1, window_seconds=86_400)


def drift_watch(
    settings: Settings, metrics: DriftMetrics, alerts: Alerts, limits: Limits
) -> DriftWatch:
    """Return what watches the live rows of all models; nothing where the settings say so."""
    drift = settings.drift
    if not drift.window_rows:
        return NoDriftWatch()

    def tell(model: str, feature: str, index: float) -> None:
        """Tell once a day and feature, whichever worker sees it first."""
        context = {"feature": feature, "model": model, "index": f"{index:.2f}"}
        try:
            charge = Charge(f"drift:{model}:{feature}", _ONE_A_DAY)
            if not limits.admit([charge]).allowed:
                return
        except LimitStoreDownError:
            log.debug("other workers cannot be asked")
        log.warning("drift", extra=context)
        alerts.raise_alert(f"rows of {model} whose {feature} has drifted", context)

    return DriftMonitor(
        metrics,
        tell,
        window_rows=drift.window_rows,
        alert_index=drift.alert_index,
        alert_seconds=drift.alert_seconds,
    )


def estimator_of(settings: Settings, contract: Contract) -> Any:
    """Return the fitted estimator behind *contract*, through the one door for unpickling.

    Raises:
        RegistryError: there is no such version, or it is damaged or another than *contract* names.
        ModelRejectedError: it names what is not listed.
    """
    registry, name, version = registry_of(settings), contract.name, contract.version
    stored = read_version(registry, name, version)
    check_file(stored.payload, contract.artefact, f"{name} {version}")
    return open_estimator(stored.payload, settings.security.allowed_modules)
