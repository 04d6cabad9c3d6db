"""Inference requests of the Open Inference Protocol, right or spoilt in one place."""

from __future__ import annotations

import json
from typing import Any

LENGTH = "Inference-Header-Content-Length"
ABSENT = object()


def a_tensor(name: str = "input", **changes: Any) -> dict[str, Any]:
    """Two rows of two numbers; a change to ABSENT leaves the member out."""
    members = {"name": name, "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]} | changes
    return {key: value for key, value in members.items() if value is not ABSENT}


def a_request(*tensors: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A request with *tensors*, by default one of two rows."""
    return {"inputs": list(tensors or (a_tensor(),)), **members}


def in_binary(
    section: bytes, *tensors: dict[str, Any], **members: Any
) -> tuple[bytes, dict[str, str]]:
    """Body and header of a request whose tensors follow the JSON."""
    text = json.dumps(a_request(*tensors, **members)).encode()
    return text + section, {LENGTH: str(len(text))}


def a_section(name: str, n_bytes: int, **changes: Any) -> dict[str, Any]:
    """A tensor whose values are *n_bytes* after the JSON."""
    return a_tensor(name, data=ABSENT, parameters={"binary_data_size": n_bytes}, **changes)
