from __future__ import annotations

from typing import Any

import pytest

from app.errors import BodyMalformedError
from app.gate.v2.request import Sent, Wanted, read_request
from test.api.v2_bodies import a_request, a_section, a_tensor


def test_what_is_not_said_has_a_default() -> None:
    asked = read_request(a_request())

    assert asked.request_id is None
    assert asked.outputs is None
    assert not asked.is_binary
    assert asked.inputs == [Sent("input", "FP64", (2, 2), [1, 2, 3, 4], None, is_json=False)]


def test_null_is_as_if_it_were_absent() -> None:
    """MLServer's clients write every member."""
    nothing: dict[str, Any] = {"content_type": None, "headers": None}
    spoken = a_request(a_tensor(parameters=nothing), id=None, parameters=nothing, outputs=None)

    assert read_request(spoken) == read_request(a_request())


def test_what_is_not_known_is_passed_over() -> None:
    more = {"priority": 3, "timeout": 5, "sequence_id": 1}
    spoken = a_request(a_tensor(parameters=more), parameters=more, model_name="x")

    assert read_request(spoken) == read_request(a_request())


def test_an_output_overrides_what_all_of_them_are() -> None:
    outputs = [{"name": "a"}, {"name": "b", "parameters": {"binary_data": False}}]

    asked = read_request(a_request(parameters={"binary_data_output": True}, outputs=outputs))

    assert asked.outputs == [Wanted("a", is_binary=True), Wanted("b", is_binary=False)]


def test_a_section_has_a_size_and_no_data() -> None:
    [sent] = read_request(a_request(a_section("x", 32))).inputs

    assert (sent.n_bytes, sent.data) == (32, None)


def test_a_size_of_true_is_no_size() -> None:
    with pytest.raises(BodyMalformedError, match="number of bytes"):
        read_request(a_request(a_section("x", True)))
