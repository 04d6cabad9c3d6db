"""Registers and promotes a model of ``estimators.py``, and allows its module."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import Any, Final

import joblib

from app.domain.contract import Contract
from app.lifecycle.promote import promote
from app.lifecycle.register import register
from app.settings.schema import Settings
from app.wiring import open_compiled, open_estimator, reference_engine
from test.e2e.estimators import Obedient

ALLOWED: Final = [Obedient.__module__]


def an_obedient_model(settings: Settings, model: Any = None) -> Contract:
    """Register and promote *model*, by default ``Obedient``; the settings allow what it names."""
    allow_estimators(settings)
    registry = settings.path(settings.model.registry_path)
    contract = a_registered_estimator(settings, model or Obedient(), name="obedient")
    promote(registry.parent, registry, contract.name, contract.version, stage=settings.stage)
    return contract


def allow_estimators(settings: Settings) -> None:
    """Let servers that read the settings from now on open the models of ``estimators.py``."""
    with (settings.root / "config.yaml").open("a") as config:
        config.write(f"security: {{allowed_modules: {ALLOWED}}}\n")


def a_registered_estimator(settings: Settings, model: Any, *, name: str) -> Contract:
    """Register *model*, one of ``estimators.py``."""
    buffer = BytesIO()
    joblib.dump(model, buffer)
    file = settings.root / f"{name}.joblib"
    file.write_bytes(buffer.getvalue())
    contract, _ = register(
        file,
        name=name,
        registry=settings.path(settings.model.registry_path),
        open_estimator=partial(open_estimator, allowed_modules=ALLOWED),
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    return contract
