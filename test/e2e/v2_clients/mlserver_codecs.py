"""Writes and reads requests with MLServer's own codecs, and prints the answers as JSON.

Runs in an environment of its own: ``python mlserver_codecs.py URL TOKEN``.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

import numpy as np
import pandas as pd
from mlserver.codecs import (  # type: ignore[import-not-found]
    NumpyRequestCodec,
    PandasCodec,
    StringRequestCodec,
)
from mlserver.codecs.json import encode_to_json_bytes  # type: ignore[import-not-found]
from mlserver.types import (  # type: ignore[import-not-found]
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
    RepositoryIndexResponse,
    RequestOutput,
)

ROWS = np.array([[0.5, -1.0], [2.0, 1.0], [-3.0, -2.0]])


def main() -> None:
    url, token = sys.argv[1:]

    def ask(path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url + path, body, headers)  # noqa: S310  a test's own server
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            said: bytes = answer.read()
            return said

    def infer(model: str, request: Any) -> Any:
        answer = ask(f"/v2/models/{model}/infer", encode_to_json_bytes(request.model_dump()))
        return InferenceResponse.model_validate_json(answer)

    of_numbers = NumpyRequestCodec.encode_request(ROWS)
    of_numbers.id = "mine"
    of_numbers.outputs = [RequestOutput(name="predict")]
    frame = pd.DataFrame(ROWS, columns=["a", "b"])
    frame.loc[1, "b"] = np.nan
    people = pd.DataFrame(
        {
            # MLServer 1.7.1 does not know the text of pandas 3.
            "town": pd.Series(["Bern", "Zürich", "Bern"], dtype=object),
            "age": [0.5, np.nan, -1.0],
            "member": [True, False, True],
        }
    )
    mixed = people.assign(age=pd.Series([0.5, 0, -1.0], dtype=object))
    numbers = infer("sides", of_numbers)
    found = {
        "numbers": NumpyRequestCodec.decode_response(numbers).tolist(),
        "id": numbers.id,
        "frame": PandasCodec.decode_response(infer("sides", picked(frame))).to_dict("list"),
        "table": PandasCodec.decode_response(infer("people", picked(people))).to_dict("list"),
        "mixed": PandasCodec.decode_response(infer("people", picked(mixed))).to_dict("list"),
        "labels": StringRequestCodec.decode_response(infer("people", picked(people))),
    }
    MetadataServerResponse.model_validate_json(ask("/v2"))
    MetadataModelResponse.model_validate_json(ask("/v2/models/people"))
    RepositoryIndexResponse.model_validate_json(ask("/v2/repository/index", b"{}"))
    print(json.dumps(found))  # noqa: T201


def picked(frame: pd.DataFrame) -> Any:
    """Return a request for the predictions of *frame* alone."""
    request = PandasCodec.encode_request(frame)
    request.outputs = [RequestOutput(name="predict")]
    return request


if __name__ == "__main__":
    main()
