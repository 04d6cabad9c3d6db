"""Registers and promotes a model of ``estimators.py``, and allows its module."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import Any

import joblib

from app.domain.contract import Contract
from app.lifecycle.promote import promote
from app.lifecycle.register import register
from app.settings.schema import Settings
from app.wiring import open_compiled, open_estimator, reference_engine
from test.e2e.estimators import Obedient


def an_obedient_model(settings: Settings, model: Any = None) -> Contract:
    """Register and promote *model*, by default ``Obedient``; the settings allow what it names."""
    allowed = [Obedient.__module__]
    with (settings.root / "config.yaml").open("a") as config:
        config.write(f"security: {{allowed_modules: {allowed}}}\n")
    buffer = BytesIO()
    joblib.dump(model or Obedient(), buffer)
    file = settings.root / "obedient.joblib"
    file.write_bytes(buffer.getvalue())
    registry = settings.path(settings.model.registry_path)
    contract, _ = register(
        file,
        name="obedient",
        registry=registry,
        open_estimator=partial(open_estimator, allowed_modules=allowed),
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    promote(registry.parent, registry, contract.name, contract.version, stage=settings.stage)
    return contract
