from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BodyMalformedError
from app.gate.decode import decode


def test_rows_and_the_wish_for_probabilities_are_read() -> None:
    body = decode(b'{"data": [[1, null]], "probabilities": true}')

    assert body.data == [[1, None]]
    assert body.wish.probabilities is True


def test_a_bare_nan_is_a_missing_value_and_a_quoted_one_stays_text() -> None:
    assert decode(b'{"data": [[NaN, "NaN", "\\"NaN"]]}').data == [[None, "NaN", '"NaN']]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"data"',
        b"{}",
        b'{"rows": []}',
        b'{"data": [[Infinity]]}',
        b'{"data": [[-Infinity]]}',
        b'{"data": [[-NaN]]}',
        b'{"data": [[NaNa]]}',
        b'{"data": [[1e400]]}',
        b'{"data": [[' + b"1" * 5000 + b"]]}",
        b'{"data": [[01]]}',
        b"{'data': [[1]]}",
        b'{"data": [[1,]]}',
        b'{"data": [[1]]} x',
        b'{"data": [["\xff"]]}',
        b'{"data": [["\\ud800"]]}',
        b'\xef\xbb\xbf{"data": [[1]]}',
        '{"data": [[1]]}'.encode("utf-16"),
        b'{"data": ' + b"[" * 100_000,
        b"[" * 100_000 + b"NaN",
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b'{"data": [[1]], "extra": 1}',
        b'{"data": [[1]], "probabilities": 1}',
        b'{"data": [[1]], "probabilities": null}',
    ],
)
def test_what_is_no_prediction_body_is_refused(body: bytes) -> None:
    with pytest.raises(BodyMalformedError):
        decode(body)


def test_a_body_full_of_quotes_is_refused_in_linear_time() -> None:
    started = time.process_time()
    with pytest.raises(BodyMalformedError):
        decode(b"NaN" + b'\\"' * 2_000_000)

    assert time.process_time() - started < 10  # quadratic would be hours


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_body_or_a_refusal(body: bytes) -> None:
    try:
        decode(body)
    except BodyMalformedError as error:
        assert str(error)  # noqa: PT017  both outcomes are right
