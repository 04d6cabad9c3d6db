"""A model that does what its input says: fail, or wait. Servers import it by this name."""

from __future__ import annotations

import os
import time
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np

from app.domain.contract import Contract
from app.domain.ports import FloatArray
from app.lifecycle.promote import promote
from app.lifecycle.register import register
from app.settings.schema import Settings
from app.wiring import open_estimator, reference_engine

FAIL = -1_001.0
WAIT = -1_002.0
FOLDER = "OBEDIENT_FOLDER"
LONGEST_SECONDS = 120.0


class Obedient:
    """Answers ``2 a + b``; ``[FAIL, x]`` raises, ``[WAIT, x]`` waits until the file x is there.

    The environment variable ``FOLDER`` says where.
    """

    n_features_in_ = 2

    def predict(self, rows: FloatArray) -> FloatArray:
        wish, amount = rows[0]
        if wish == FAIL:
            raise RuntimeError(f"cannot score {amount}")
        if wish == WAIT:
            _wait_for(Path(os.environ[FOLDER]) / f"{amount:g}")
        answers: FloatArray = rows @ np.array([2.0, 1.0])
        return answers


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


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
