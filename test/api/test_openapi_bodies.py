"""The schema of a body takes what the gate takes, and nothing else."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from test.builders import bearer
from test.openapi import conforms, document_of, resolved

PREDICT = "/api/v1/predict"


@pytest.mark.parametrize(
    "body",
    [
        {"data": [[1, 2]]},
        {"data": [[1.5, None], [-1e6, 1e6]]},
        {"data": [{"a": 1, "b": None}]},
        {"data": []},
        {"data": [[]]},
        {"data": [[1]]},
        {"data": [[1, 2, 3]]},
        {"data": [["1", 2]]},
        {"data": [[True, 2]]},
        {"data": [[1, 1_000_001]]},
        {"data": [{"a": 1}]},
        {"data": [{"a": 1, "b": 2, "c": 3}]},
        {"data": [{"a": 1, "b": -2e6}]},
        {"data": [[1, 2], {"a": 1, "b": 2}]},
        {"data": [{"a": 1, "b": 2}, [1, 2]]},
        {"data": {"a": [1], "b": [2]}},
        {"data": {"a": [1, None], "b": [2, 3]}},
        {"data": {"a": [], "b": []}},
        {"data": {"a": [1]}},
        {"data": {"a": 1, "b": 2}},
        {"data": {"a": ["1"], "b": [2]}},
        {"data": [[1, 2]], "on_error": "skip"},
        {"data": [[1, 2]], "on_error": "never"},
        {"data": [[1, 2]], "scores": True},
        {"data": [[1, 2]], "rows": 1},
        {"data": [[1, 2]], "probabilities": True},
        {"data": [[1, 2]] * 10_001},
        {"probabilities": True},
        [[1, 2]],
        None,
    ],
)
def test_the_schema_takes_what_the_gate_takes(client: FlaskClient, body: object) -> None:
    document = document_of(client)
    sent = json.dumps(body)
    answer = client.post(PREDICT, data=sent, content_type="application/json", headers=bearer())

    assert answer.status_code in {200, 400, 413}
    asked = resolved(document, document["paths"][PREDICT]["post"]["requestBody"])
    schema = asked["content"]["application/json"]["schema"]
    assert conforms(document, schema, body) == (answer.status_code == 200)
