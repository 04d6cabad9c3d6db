from __future__ import annotations

import logging
from collections import Counter

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.wiring import build_services
from test.api.hostile import BOUND, GOOD, JSON, MAX_BYTES, MAX_ROWS, Hostile
from test.api.hostile_bodies import corpus
from test.builders import a_promoted_model, bearer, some_settings

URL = "/api/v1/predict"
CORPUS = list(corpus())
KINDS = {
    "cut", "no JSON", "no number", "text", "nested", "duplicate", "member", "rows", "value",
    "columns", "csv", "ndjson", "media", "size",
}  # fmt: skip
INSIDE = (b"Traceback", b"orjson", b".py", b"site-packages", b"Error", b"numpy", b"sklearn")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    bounds = {"min_value": -BOUND, "max_value": BOUND}
    settings = some_settings(
        tmp_path_factory.mktemp("hostile"),
        model={"max_rows": MAX_ROWS, "input_validation": bounds},
        server={"max_request_bytes": MAX_BYTES},
        rate_limit="100000 per minute",
    )
    a_promoted_model(settings)
    return create_app(services=build_services(settings)).test_client()


@pytest.mark.parametrize("hostile", CORPUS, ids=str)
def test_a_hostile_body_is_refused_in_plain_words(
    gateway: FlaskClient, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    encoding = hostile.content_encoding
    more = {} if encoding is None else {"Content-Encoding": encoding}

    answer = gateway.post(
        URL, data=hostile.body, content_type=hostile.content_type, headers=bearer() | more
    )

    said = answer.json
    assert answer.status_code == hostile.status, said
    assert answer.content_type == "application/problem+json"
    assert said["type"] == f"urn:gatehouse:problem:{hostile.problem}"
    assert hostile.detail in said["detail"]
    if hostile.fault:
        assert (said["errors"][0]["row"], said["errors"][0]["feature"]) == hostile.fault
    assert len(answer.data) < 10_000
    assert not [word for word in INSIDE if word in answer.data]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


GOOD_BODIES = {
    "as it is": GOOD,
    "rows by name": b'{"data": [{"b": 1, "a": 2}]}',
    "columns": b'{"data": {"b": [1, 2], "a": [null, 2]}}',
    "columns by an escaped name": b'{"data": {"\\u0062": [1], "a": [2]}}',
    "a faulty row that may be skipped": b'{"data": [[1, 2], ["x", 2]], "on_error": "skip"}',
    "an error that may not be skipped": b'{"data": [[1, 2]], "on_error": "fail", "scores": false}',
    "rows by an escaped name": b'{"data": [{"\\u0062": 1, "a": 2}]}',
    "a NaN": b'{"data": [[NaN, 1], [2, NaN]]}',
    "spaces": b' \t\r\n{ "data" : [ [ 1 , 2 ] ] } \n',
    "the bounds": b'{"data": [[-1000, 1000.0]]}',
    "the smallest number": b'{"data": [[5e-324, 1e-400]]}',
    "many digits": b'{"data": [[0.' + b"1" * 5000 + b", 2]]}",
    "all the rows": b'{"data": [' + b",".join([b"[1, 2]"] * MAX_ROWS) + b"]}",
    "all the bytes": GOOD + b" " * (MAX_BYTES - len(GOOD)),
}


@pytest.mark.parametrize("body", GOOD_BODIES.values(), ids=GOOD_BODIES)
def test_a_good_body_is_answered(gateway: FlaskClient, body: bytes) -> None:
    answer = gateway.post(URL, data=body, content_type=JSON, headers=bearer())

    assert answer.status_code == 200, answer.json
    assert len(answer.json["predictions"]) >= 1


def test_the_corpus_has_every_kind_and_nothing_twice() -> None:
    asked = Counter((h.body, h.content_type, h.content_encoding) for h in CORPUS)

    assert {hostile.kind for hostile in CORPUS} == KINDS
    assert min(Counter(hostile.kind for hostile in CORPUS).values()) >= 7
    assert [body for body, times in asked.items() if times > 1] == []
    assert len(CORPUS) >= 250
