from __future__ import annotations

from typing import Any

import pytest

from app.errors import MediaTypeUnsupportedError, NotAcceptableError
from app.gate.call import Call
from app.gate.media import (
    ARROW,
    CSV,
    JSON,
    NDJSON,
    check_media_types,
    names_its_columns,
    type_in,
    type_out,
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


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ('Application/JSON;charset="UTF-8"', JSON),
        ("application/json; version=1", JSON),
        (ARROW, ARROW),
        (ARROW.upper(), ARROW),
        (f"{ARROW}; version=1", ARROW),
        ("text/csv", CSV),
        ("TEXT/CSV; Charset=US-ASCII; Header=Absent", CSV),
        ('text/csv; header="present"; charset=utf-8', CSV),
        ("application/x-ndjson", NDJSON),
        ("application/x-ndjson;charset=utf8", NDJSON),
    ],
)
def test_the_type_of_the_body_is_recognised(content_type: str, expected: str) -> None:
    assert type_in(a_call(content_type=content_type)) == expected


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
        "application/json; charset=us-ascii",
        "text/csv; charset=latin-1",
        "text/csv; header=yes",
        "text/csv; header",
        "text/csv; header=absent; header=present",
        "text/csvx",
        "text/*",
        "application/x-ndjson; charset=utf-16",
        f"{ARROW}x",
        "*/*",
    ],
)
def test_another_type_is_unsupported_and_the_refusal_names_what_is_taken(
    content_type: str | None,
) -> None:
    with pytest.raises(MediaTypeUnsupportedError) as caught:
        type_in(a_call(content_type=content_type))

    assert all(taken in str(caught.value) for taken in (JSON, ARROW, CSV, NDJSON))


@pytest.mark.parametrize("content_type", [JSON, ARROW, CSV, NDJSON])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity", ""])
def test_any_content_encoding_is_unsupported(encoding: str, content_type: str) -> None:
    with pytest.raises(MediaTypeUnsupportedError, match="without Content-Encoding"):
        type_in(a_call(content_encoding=encoding, content_type=content_type))


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (CSV, True),
        ("text/csv; header=present", True),
        ("text/csv; header=absent", False),
        ('text/csv; charset=utf-8; HEADER="Absent"', False),
        ("text/csv; footer=absent", True),
    ],
)
def test_csv_names_its_columns_unless_it_says_otherwise(
    content_type: str, *, expected: bool
) -> None:
    assert names_its_columns(content_type) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*;q=0.5", JSON),
        ("text/html, */*;q=0.1", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        (f"application/json, {ARROW};q=0.9", JSON),
        (f"{ARROW};q=0, */*", JSON),
        ("text/csv;q=0.4, application/json;q=0.5", JSON),
        ("text/csv;q=0, application/json;q=0.1", JSON),
        (ARROW, ARROW),
        (f"{ARROW}, application/json;q=0.9", ARROW),
        (f"*/*, {ARROW.upper()};q=0.5", ARROW),
        (f"{ARROW};v=1", ARROW),
        ("text/csv", CSV),
        ("text/csv; header=present", CSV),
        ("text/csv, application/json", CSV),
        ("Text/CSV;q=0.5, */*;q=0.4", CSV),
        ("text/*", CSV),
        ("text/*, application/json;q=0", CSV),
        ("application/x-ndjson", NDJSON),
        ("application/x-ndjson, text/csv;q=0.9", NDJSON),
        (f"text/csv;q=0.2, {NDJSON};q=0.3, {ARROW};q=0.1", NDJSON),
        (f"application/json;q=0, {ARROW};q=0, text/csv;q=0, */*", NDJSON),
    ],
)
def test_the_answer_comes_in_what_the_caller_wants_most(accept: str | None, expected: str) -> None:
    assert type_out(accept) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/json;q=0",
        "image/*, */*;q=0.0",
        f"{ARROW};q=0",
        "text/*, text/csv;q=0",
        "",
        ",;,",
    ],
)
def test_a_caller_that_takes_nothing_of_it_is_told_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        type_out(accept)

    assert all(offered in str(caught.value) for offered in (JSON, ARROW, CSV, NDJSON))


@pytest.mark.parametrize("accept", [None, "*/*", JSON, "application/*", "text/csv, */*;q=0.1"])
def test_where_there_is_only_json_it_is_enough_to_take_it(accept: str | None) -> None:
    check_media_types(a_call(accept=accept))


@pytest.mark.parametrize("content_type", [CSV, NDJSON, ARROW])
def test_where_there_is_only_json_no_other_body_is_read(content_type: str) -> None:
    with pytest.raises(MediaTypeUnsupportedError, match=JSON):
        check_media_types(a_call(content_type=content_type))


@pytest.mark.parametrize("accept", ["text/csv", ARROW, "application/json;q=0, */*"])
def test_where_there_is_only_json_it_must_be_taken(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match=JSON):
        check_media_types(a_call(accept=accept))
