"""Calls a gateway with Triton's own client, and prints what came back as JSON.

Runs in an environment of its own: ``python triton_calls.py HOST:PORT TOKEN``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton  # type: ignore[import-not-found]
import tritonclient.http.aio as triton_aio  # type: ignore[import-not-found]

ROWS = np.array([[0.5, -1.0], [2.0, 1.0], [-3.0, -2.0]])
DATATYPES = {"FP64": "float64", "FP32": "float32", "FP16": "float16", "INT32": "int32"}


def tensor(name: str, values: Any, datatype: str, *, binary: bool = True) -> Any:
    found = triton.InferInput(name, list(values.shape), datatype)
    return found.set_data_from_numpy(values, binary_data=binary)


def listed(result: Any) -> dict[str, Any]:
    """Return the outputs of *result* as lists, and what else it says."""
    said = result.get_response()
    found = {it["name"]: result.as_numpy(it["name"]).tolist() for it in said["outputs"]}
    for values in found.values():
        for row in values:
            row[:] = [it.decode() if isinstance(it, bytes) else it for it in row]
    datatypes = {it["name"]: it["datatype"] for it in said["outputs"]}
    known = {key: said.get(key) for key in ("id", "model_name", "model_version")}
    return {**known, "outputs": found, "datatypes": datatypes}


def table(*, binary: bool) -> list[Any]:
    """A table with a missing number."""
    return [
        tensor("age", np.array([0.5, np.nan, -1.0]), "FP64", binary=True),
        tensor("member", np.array([[True], [False], [True]]), "BOOL", binary=binary),
        tensor("town", np.array(["Bern", "Zürich", "Bern"], object), "BYTES", binary=binary),
    ]


def refusal(call: Any) -> list[str]:
    try:
        call()
    except triton.InferenceServerException as error:
        return [str(error.status()), str(error.message())]
    return ["200", ""]


async def asynchronously(url: str, headers: dict[str, str]) -> dict[str, Any]:
    async with triton_aio.InferenceServerClient(url) as client:
        result = await client.infer("sides", [tensor("input", ROWS, "FP64")], headers=headers)
    return listed(result)


def main() -> None:
    url, token = sys.argv[1:]
    headers = {"Authorization": f"Bearer {token}"}
    client = triton.InferenceServerClient(url, concurrency=2)

    def infer(model: str, inputs: list[Any], **more: Any) -> dict[str, Any]:
        return listed(client.infer(model, inputs, headers=dict(headers), **more))

    whole = [tensor("input", ROWS, "FP64")]
    as_json = [tensor("input", ROWS, "FP64", binary=False)]
    apart = [tensor("b", ROWS[:, 1], "FP64"), tensor("a", ROWS[:, :1], "FP64", binary=False)]
    wanted = [
        triton.InferRequestedOutput("probabilities", binary_data=False),
        triton.InferRequestedOutput("predictions", binary_data=True),
    ]
    later = client.async_infer("sides", whole, headers=dict(headers), request_id="later")
    found = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata(),
        "model ready": client.is_model_ready("sides", "1", headers=headers),
        "no such model ready": client.is_model_ready("nobody", headers=headers),
        "metadata": client.get_model_metadata("people", headers=headers),
        "index": client.get_model_repository_index(headers=headers),
        "binary": infer("sides", whole, request_id="r-1"),
        "version": infer("sides", whole, model_version="1"),
        "json": infer("sides", as_json),
        "one tensor a feature": infer("sides", apart),
        "chosen": infer("sides", whole, outputs=wanted, sequence_id=3, priority=1),
        "later": listed(later.get_result()),
        "asynchronous": asyncio.run(asynchronously(url, dict(headers))),
        "table in binary": infer("people", table(binary=True)),
        "table in JSON": infer("people", table(binary=False)),
        **{
            datatype: infer("sides", [tensor("input", np.rint(ROWS).astype(dtype), datatype)])
            for datatype, dtype in DATATYPES.items()
        },
        "no token": refusal(lambda: client.infer("sides", whole)),
        "other shape": refusal(lambda: infer("sides", [tensor("input", ROWS.T, "FP64")])),
        "packed": refusal(lambda: infer("sides", whole, request_compression_algorithm="gzip")),
    }
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
