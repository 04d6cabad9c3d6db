"""BentoML with adaptive batching."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Sklearn:
    """Predicts with the benchmark's model."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL_FILE"])

    @bentoml.api(batchable=True, max_batch_size=2_000, max_latency_ms=1_000)
    def predict(self, data: np.ndarray) -> np.ndarray:
        """Return one prediction a row; requests that wait are one call."""
        return self.model.predict(data)
