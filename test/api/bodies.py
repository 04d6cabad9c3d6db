"""Requests with bodies of any type, and what is in their answers."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.gate.media import JSON
from test.builders import bearer

ASKED = "probabilities=true&on_error=skip"
CSV_BODY = b"b,a\r\n1,2\r\n3,x\r\n,4\r\n1e9,5\r\n"
NDJSON_BODY = b'{"b": 1, "a": 2}\n{"b": 3, "a": "x"}\n{"b": null, "a": 4}\n{"b": 1e9, "a": 5}\n'


def send(client: FlaskClient, body: Any, media_type: str = JSON, **changes: str) -> TestResponse:
    """Send *body* about the model *name*, with a *query*, and *accept* an answer."""
    name = changes.get("name")
    return client.post(
        f"/api/v1/models/{name}/predict" if name else "/api/v1/predict",
        data=body if isinstance(body, bytes) else json.dumps(body).encode(),
        query_string=changes.get("query", ""),
        content_type=media_type,
        headers=bearer() | {"Accept": changes.get("accept", JSON)},
    )


def answered(client: FlaskClient, body: Any, *args: Any, **changes: Any) -> dict[str, Any]:
    answer = send(client, body, *args, **changes)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json or {}
    return {name: found[name] for name in found if name not in {"request_id", "timestamp"}}
