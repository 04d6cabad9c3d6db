from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BodyMalformedError
from app.gate.v2.json_body import read_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_any_object_is_read_as_it_is(value: dict[str, object]) -> None:
    assert read_object(json.dumps(value, ensure_ascii=False).encode()) == value


def test_a_bare_nan_is_null_and_a_written_one_is_text() -> None:
    assert read_object(b'{"a": [NaN, 1], "NaN": "NaN"}') == {"a": [None, 1], "NaN": "NaN"}


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"x": {"a": "b", "a": "\\"\\""}}',
        b'{"x": [[{"a": NaN, "a": 1}]]}',
    ],
    ids=["outermost", "escaped", "beside quotes in a text", "inside"],
)
def test_a_name_that_stands_twice_is_refused(text: bytes) -> None:
    with pytest.raises(BodyMalformedError, match="'a' stands twice"):
        read_object(text)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'{"a": Infinity}', b'{"a": 1'])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(BodyMalformedError):
        read_object(text)
