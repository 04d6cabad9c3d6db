"""LitServe: one process speaks HTTP, another one predicts."""

import os
from collections.abc import Sequence
from typing import Any

import joblib
import litserve
import numpy as np


class Plain(litserve.LitAPI):
    """One request at a time."""

    def setup(self, device: str) -> None:
        """Open the model in the process that predicts."""
        self.device = device
        self.model = joblib.load(os.environ["MODEL_FILE"])

    def decode_request(self, request):  # FastAPI would read annotations
        """Return the rows of one request."""
        return np.asarray(request["data"])

    def predict(self, x: Any) -> Any:
        """Return one prediction a row."""
        return self.model.predict(x)

    def encode_response(self, output: Any) -> Any:
        """Return the answer to one request."""
        return {"predictions": output.tolist()}


class Batching(Plain):
    """Requests that come within five milliseconds are one call."""

    def batch(self, inputs: Sequence[Any]) -> Any:
        """Put the rows of all requests together."""
        self.lengths = [len(rows) for rows in inputs]
        return np.concatenate(inputs)

    def unbatch(self, output: Any) -> Any:
        """Give each request its own."""
        return np.split(output, np.cumsum(self.lengths)[:-1])


if __name__ == "__main__":
    batches = os.environ["VARIANT"] == "batching"
    api = Batching(max_batch_size=32, batch_timeout=0.005) if batches else Plain()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
