from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from app.domain.ports import Scores
from app.gate.v2.outputs import Output, outputs_of
from app.gate.v2.response import write_response
from test.builders import a_contract

QUANTITY = Output("predict", "FP64", 1, "predictions")


def written(scores: Scores, *outputs: Output) -> list[dict[str, Any]]:
    """Return what the JSON says of *outputs*."""
    response = write_response(a_contract(), scores, [(it, False) for it in outputs], None)
    assert response.header_bytes is None
    found: list[dict[str, Any]] = orjson.loads(response.body)["outputs"]
    return found


@pytest.mark.parametrize(
    ("promised", "values", "datatype", "data"),
    [
        ("INT64", np.array([1, 2], np.int32), "INT64", [1, 2]),
        ("INT64", np.array([1.0, 2.0]), "INT64", [1, 2]),
        ("INT64", np.array([1.5, 2.0]), "FP64", [1.5, 2.0]),
        ("INT64", np.array([np.nan, 2.0]), "FP64", [None, 2.0]),
        ("FP64", np.array([1, 2]), "FP64", [1.0, 2.0]),
        ("FP64", np.array([0.1, 2], np.float32), "FP64", [float(np.float32(0.1)), 2.0]),
        ("FP64", np.array(["a", "b"]), "BYTES", ["a", "b"]),
        ("BOOL", np.array([True, False]), "BOOL", [True, False]),
        ("BOOL", np.array([1, 0]), "BOOL", [True, False]),
        ("BOOL", np.array([2, 0]), "INT64", [2, 0]),
        ("BYTES", np.array([1, "b", None, True], object), "BYTES", ["1", "b", "null", "true"]),
        ("FP64", np.arange(10.0), "FP64", [*np.arange(10.0)]),
        ("INT64", np.arange(10, dtype=">i2"), "INT64", [*range(10)]),
    ],
    ids=str,
)
def test_values_go_out_as_promised_where_they_fit(
    promised: str, values: Any, datatype: str, data: list[Any]
) -> None:
    [found] = written(Scores(values, None), QUANTITY._replace(datatype=promised))

    assert found["datatype"] == datatype
    assert found["data"] == data
    assert found["shape"] == [len(values), 1]


def test_rows_stand_one_after_the_other_whatever_their_order_in_memory() -> None:
    shares = np.asfortranarray([[0.25, 0.75], [1.0, 0.0]])

    [found] = written(
        Scores(np.array([1, 0]), shares), Output("probabilities", "FP64", 2, "probabilities")
    )

    assert (found["shape"], found["data"]) == ([2, 2], [0.25, 0.75, 1.0, 0.0])


def test_each_target_has_its_own_tensors() -> None:
    targets = ({"name": "a", "classes": (0, 1)}, {"name": "b", "classes": ("x", "y", "z")})
    outputs = outputs_of(
        a_contract(task="classification", outputs={"targets": targets, "has_probabilities": True})
    )
    scores = Scores(
        np.array([[1, "z"]], object), (np.array([[0.1, 0.9]]), np.array([[0.0, 0.0, 1.0]]))
    )

    found = {it["name"]: it["data"] for it in written(scores, *outputs)}

    assert found["b"] == ["z"]
    assert found["probabilities_a"] == [0.1, 0.9]
    assert found["probabilities_b"] == [0.0, 0.0, 1.0]


def test_binary_sections_follow_in_the_order_of_the_outputs() -> None:
    scores = Scores(np.array(["é", ""]), np.array([[1.0], [0.5]]))
    outputs = [
        (Output("probabilities", "FP64", 1, "probabilities"), True),
        (Output("predict", "BYTES", 1, "predictions"), True),
    ]

    body, header_bytes = write_response(a_contract(), scores, outputs, "7")

    assert header_bytes is not None
    said = orjson.loads(body[:header_bytes])
    assert said["id"] == "7"
    assert [it["parameters"]["binary_data_size"] for it in said["outputs"]] == [16, 10]
    numbers, texts = body[header_bytes:][:16], body[header_bytes:][16:]
    assert np.frombuffer(numbers, "<f8").tolist() == [1.0, 0.5]
    assert texts == b"\x02\0\0\0" + "é".encode() + b"\0\0\0\0"
