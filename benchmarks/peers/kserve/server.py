"""The KServe SDK: a model of one's own behind the V1 protocol."""

import os
from typing import Any

import joblib
from kserve import Model, ModelServer


class Sklearn(Model):
    """Predicts with the benchmark's model."""

    def load(self) -> bool:
        """Open the model."""
        self.model = joblib.load(os.environ["MODEL_FILE"])
        self.ready = True
        return self.ready

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        """Return one prediction a row."""
        del headers, response_headers
        return {"predictions": self.model.predict(payload["instances"]).tolist()}


if __name__ == "__main__":
    model = Sklearn("model")
    model.load()
    port = int(os.environ["PORT"])
    server = ModelServer(http_port=port, workers=1, enable_grpc=False, enable_latency_logging=False)
    server.start([model])
