from __future__ import annotations

import pytest

from app.domain.contract import Feature
from app.errors import BodyMalformedError
from app.gate.v2.metadata import inputs_of
from app.gate.v2.raw import raw_request
from test.builders import a_contract

TOWN = Feature(name="town", kind="category")
COUNT = Feature(name="count", kind="int")


def test_numbers_are_one_tensor_and_columns_are_one_each() -> None:
    assert [(it.name, it.datatype, it.shape) for it in inputs_of(a_contract())] == [
        ("input", "FP64", (-1, 2))
    ]
    assert [(it.name, it.datatype) for it in inputs_of(a_contract(TOWN, COUNT))] == [
        ("town", "BYTES"), ("count", "INT64"),
    ]  # fmt: skip


def test_a_body_without_json_is_as_many_rows_as_it_holds() -> None:
    asked = raw_request(48, a_contract())

    assert [sent.shape for sent in asked.inputs] == [(3, 2)]
    assert asked.is_binary


def test_a_body_without_json_may_be_one_text() -> None:
    contract = a_contract(Feature(name="text", kind="text"), input="texts")

    [sent] = raw_request(9, contract).inputs

    assert (sent.shape, sent.n_bytes) == ((1,), 9)


def test_a_body_without_json_goes_with_one_tensor() -> None:
    with pytest.raises(BodyMalformedError, match="one input tensor"):
        raw_request(16, a_contract(TOWN, COUNT))
    with pytest.raises(BodyMalformedError, match="16 bytes each; it has 20"):
        raw_request(20, a_contract())
