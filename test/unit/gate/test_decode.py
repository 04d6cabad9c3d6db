from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BodyMalformedError, MediaTypeUnsupportedError, NotAcceptableError
from app.gate.call import Call
from app.gate.decode import (
    ARROW,
    check_media_types,
    comes_in_arrow,
    decode,
    goes_out_in_arrow,
)


def a_call(**changes: Any) -> Call:
    fields: dict[str, Any] = {
        "path": "/",
        "address": "127.0.0.1",
        "request_id": "1",
        "authorization": None,
        "content_type": "application/json",
        "content_encoding": None,
        "accept": None,
        "query": "",
        "read_body": lambda _: b"",
    }
    return Call(**(fields | changes))


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


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'],
)
def test_json_in_utf8_is_read(content_type: str) -> None:
    check_media_types(a_call(content_type=content_type))


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
    ],
)
def test_another_type_is_unsupported(content_type: str | None) -> None:
    with pytest.raises(MediaTypeUnsupportedError):
        check_media_types(a_call(content_type=content_type))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity", ""])
def test_any_content_encoding_is_unsupported(encoding: str) -> None:
    with pytest.raises(MediaTypeUnsupportedError):
        check_media_types(a_call(content_encoding=encoding))


@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "application/json", "application/*;q=0.5", "text/html, */*;q=0.1"],
)
def test_a_caller_that_takes_json_gets_it(accept: str | None) -> None:
    check_media_types(a_call(accept=accept))


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*, */*;q=0.0"])
def test_a_caller_that_takes_no_json_is_told(accept: str) -> None:
    with pytest.raises(NotAcceptableError):
        check_media_types(a_call(accept=accept))


@pytest.mark.parametrize("content_type", [ARROW, ARROW.upper(), f"{ARROW}; version=1"])
def test_an_arrow_body_is_read(content_type: str) -> None:
    call = a_call(content_type=content_type)

    check_media_types(call)
    assert comes_in_arrow(call)


@pytest.mark.parametrize("content_type", [None, "application/json", f"{ARROW}x", "*/*"])
def test_no_other_body_is_taken_for_arrow(content_type: str | None) -> None:
    assert not comes_in_arrow(a_call(content_type=content_type))


@pytest.mark.parametrize(
    "accept",
    [ARROW, f"{ARROW}, application/json;q=0.9", f"*/*, {ARROW.upper()};q=0.5", f"{ARROW};v=1"],
)
def test_a_caller_that_names_arrow_gets_it(accept: str) -> None:
    call = a_call(accept=accept)

    check_media_types(call)
    assert goes_out_in_arrow(call)


@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "application/*", f"application/json, {ARROW};q=0.9", f"{ARROW};q=0, */*"],
)
def test_any_other_caller_gets_json(accept: str | None) -> None:
    call = a_call(accept=accept)

    check_media_types(call)
    assert not goes_out_in_arrow(call)


def test_a_caller_that_refuses_arrow_alone_is_told() -> None:
    with pytest.raises(NotAcceptableError):
        check_media_types(a_call(accept=f"{ARROW};q=0"))
