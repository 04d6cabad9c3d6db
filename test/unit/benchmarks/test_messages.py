from __future__ import annotations

import json

from benchmarks.messages import data_body, flat, nested, numbered_body, templates

ROWS = [[5.1, 3.5], [4.9, 1e-07]]


def test_each_number_makes_another_request_of_the_same_length() -> None:
    (message,) = templates("/predict", {"X-Kind": "a"}, data_body, [ROWS])

    head, _, body = (message % 42).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict HTTP/1.1\r\n")
    assert b"X-Kind: a" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body) == {"data": [[5.0000042, 3.5], [4.9, 1e-07]]}
    assert len(message % 9_999_999) == len(message % 0)


def test_there_is_one_template_for_each_input() -> None:
    assert len(templates("/", {}, data_body, [ROWS, ROWS[:1]])) == 2


def test_cells_are_written_as_rows_or_as_one_list() -> None:
    cells = [["1", "2"], ["3", "4"]]

    assert json.loads(nested(cells)) == [[1, 2], [3, 4]]
    assert json.loads(flat(cells)) == [1, 2, 3, 4]


def test_a_body_alone_is_a_template_too() -> None:
    assert json.loads(numbered_body(data_body, [[7.5]]) % 1) == {"data": [[7.0000001]]}
