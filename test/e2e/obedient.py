"""Registers and promotes the model of ``estimators.py``."""

from __future__ import annotations

from io import BytesIO

import joblib

from app.domain.contract import Contract
from app.lifecycle.promote import promote
from app.lifecycle.register import register
from app.settings.schema import Settings
from app.wiring import open_estimator, reference_engine
from test.e2e.estimators import Obedient


def an_obedient_model(settings: Settings) -> Contract:
    """Register and promote the model."""
    buffer = BytesIO()
    joblib.dump(Obedient(), buffer)
    file = settings.root / "obedient.joblib"
    file.write_bytes(buffer.getvalue())
    registry = settings.path(settings.model.registry_path)
    contract, _ = register(
        file,
        name="obedient",
        registry=registry,
        open_estimator=open_estimator,
        engine_of=reference_engine,
    )
    promote(registry.parent, registry, contract.name, contract.version, stage=settings.stage)
    return contract
