"""MLServer with its scikit-learn runtime, inference within its main process."""

import json
import os
import socket
import sys
from contextlib import ExitStack
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """Return different ports on which nobody listens at the moment."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


if __name__ == "__main__":
    grpc_port, metrics_port = free_ports(2)
    settings = {
        "debug": False,
        "host": "127.0.0.1",
        "http_port": int(os.environ["PORT"]),
        "grpc_port": grpc_port,
        "metrics_port": metrics_port,
        "parallel_workers": 0,
    }
    model = {
        "name": "model",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": os.environ["MODEL_FILE"], "version": "1"},
    }
    if os.environ["VARIANT"] == "batching":
        model |= {"max_batch_size": 32, "max_batch_time": 0.005}
    Path("settings.json").write_text(json.dumps(settings))
    Path("model-settings.json").write_text(json.dumps(model))
    program = Path(sys.executable).parent / "mlserver"
    os.execv(program, [str(program), "start", "."])
