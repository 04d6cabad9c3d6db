from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BodyMalformedError, InputInvalidError
from app.gate.decode import decode
from app.gate.duplicates import name_that_stands_twice


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"data": [[1]], "data": [[2]]}', "data"),
        (b'{"data": [[1]], "data": [[1]]}', "data"),
        (b'{"data": [{"a": 1}], "data": [{"a": 1}]}', "data"),
        (b'{"data": 1, "data": [[1]]}', "data"),
        (b'{"data": "x", "data": [[1]]}', "data"),
        (b'{"data": [[1]], "d\\u0061ta": [[2]]}', "data"),
        (b'{"data": [[NaN]], "data": [[NaN]]}', "data"),
        (b'{"data": [[1]], "probabilities": true, "probabilities": false}', "probabilities"),
        (b'{"data": [], "data": []}', "data"),
        (b'{"data": ["x"], "data": ["y"]}', "data"),
        (b'{"data": [["x", 1]], "data": [["\\"y\\""]]}', "data"),
        (b'{"data": [[1]], "on_error": "skip", "on_error": "fail"}', "on_error"),
        (b'{"data": {"a": [1], "b": ["x"], "a": [2]}}', "a"),
        (b'{"data": {"a": ["\\u0022\\u0022"], "a": ["x"]}}', "a"),
        (b'{"data": {"a": [1]}, "data": {"a": [2]}}', "data"),
    ],
)
def test_a_member_that_stands_twice_is_named(body: bytes, name: str) -> None:
    with pytest.raises(BodyMalformedError, match=f"^'{name}' stands twice"):
        decode(body)


@pytest.mark.parametrize(
    ("rows", "row", "name"),
    [
        (b'{"a": 1, "a": 2}', 0, "a"),
        (b'{"a": 1, "a": 1}', 0, "a"),
        (b'{"a": 1, "b": 2}, {"a": 1, "b": 2, "b": null}', 1, "b"),
        (b'{"a": NaN}, {"a": 1}, {"a": NaN, "a": 1}', 2, "a"),
        (b'{"a": 1, "\\u0061": 2}', 0, "a"),
        (b'{"a": "x", "a": 1}', 0, "a"),
        (b'{"a": "x", "b": "y"}, {"a": "x", "b": "y", "a": "z"}', 1, "a"),
        (b'{"a": "x", "a": "\\u0022"}', 0, "a"),
        (b'{"a": 1, "a": "\\u0022\\u0022"}', 0, "a"),
        (b'{"a": 1, "a": 2, "b": "\\\\u0022\\u0022"}', 0, "a"),
        (b'{"": 1, "": 2}', 0, ""),
        (b'{"\\"": 1, "\\"": 2}', 0, '"'),
    ],
)
def test_a_feature_that_stands_twice_is_named_with_its_row(
    rows: bytes, row: int, name: str
) -> None:
    body = b'{"data": [' + rows + b"]}"

    with pytest.raises(InputInvalidError) as caught:
        decode(body)

    [fault] = caught.value.faults
    assert (fault.row, fault.feature, fault.reason) == (row, name, "stands twice")


def test_a_deep_value_that_a_second_one_hides_is_refused() -> None:
    deep = b"[" * 1000 + b"]" * 1000

    with pytest.raises(BodyMalformedError):
        decode(b'{"data": ' + deep + b', "data": [[1]]}')


def test_rows_that_hold_more_than_numbers_are_left_to_whoever_says_so() -> None:
    assert decode(b'{"data": [{"a": []}, {"a": 1, "a": 2}]}').data == [{"a": []}, {"a": 2}]


def test_a_name_with_quotes_stands_once() -> None:
    assert decode(b'{"data": [{"\\"a\\"": 1}]}').data == [{'"a"': 1}]


@pytest.mark.parametrize(
    "data",
    [
        [["x"]],
        ["x", '"', "\\"],
        [{"a": '"x"', "b": "\\"}, {"a": None, "b": 1}],
        {"a": ["x", '"'], "b": [1, "\\u0022"]},
        {},
    ],
    ids=["rows", "texts", "objects", "columns", "nothing"],
)
@pytest.mark.parametrize("on_error", ["skip", None], ids=["skip", "fail"])
def test_texts_beside_names_are_no_names(data: Any, on_error: str | None) -> None:
    body = {"data": data} if on_error is None else {"data": data, "on_error": on_error}

    assert decode(json.dumps(body).encode()).data == data


def pairs_as_json(pairs: list[tuple[str, Any]]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in pairs) + "}"


NAMES = st.sampled_from(["a", "b", '"', "\\", "é", "", "data", "NaN"]) | st.text(max_size=3)
VALUES = st.integers(-9, 9) | st.sampled_from(['"x"', '"\\""', '"\\u0022"', '"\\\\"', "null"])
ROWS = st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=4), min_size=1, max_size=4)


@given(ROWS)
def test_rows_pass_just_when_no_name_stands_twice(rows: list[list[tuple[str, int]]]) -> None:
    body = f'{{"data": [{", ".join(map(pairs_as_json, rows))}]}}'.encode()
    twice = [number for number, row in enumerate(rows) if len(dict(row)) < len(row)]

    if twice:
        with pytest.raises(InputInvalidError) as caught:
            decode(body)
        assert caught.value.faults[0].row == twice[0]
    else:
        assert decode(body).data == [
            {name: json.loads(str(value)) for name, value in row} for row in rows
        ]


@given(ROWS)
def test_a_line_passes_just_when_no_name_stands_twice(rows: list[list[tuple[str, int]]]) -> None:
    for row in rows:
        line = pairs_as_json(row).encode()

        found = name_that_stands_twice(line, json.loads(line))

        assert (found is not None) == (len(dict(row)) < len(row))
