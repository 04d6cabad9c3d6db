"""No inference request brings the gateway down, and every refusal is a plain sentence."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.gate.envelope import Envelope
from app.gate.targets import no_target, target_of
from app.wiring import build_services
from test.api.hostile import BOUND, JSON, MAX_BYTES, MAX_ROWS
from test.api.hostile_v2 import HostileInference, corpus
from test.api.test_hostile_bodies import INSIDE
from test.api.test_two_doors import Said, said
from test.api.v2_bodies import a_request, a_section, a_tensor, in_binary
from test.builders import a_promoted_model, a_token, bearer, some_settings

URL = "/v2/models/line/infer"
CORPUS = list(corpus())
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
Both = Callable[..., tuple[Said, Said]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """What sends one request through the short door, and then through Flask alone."""
    settings = some_settings(
        tmp_path_factory.mktemp("v2"),
        model={
            "max_rows": MAX_ROWS,
            "input_validation": {"min_value": -BOUND, "max_value": BOUND},
        },
        server={"max_request_bytes": MAX_BYTES},
        security={"failed_auth_limit": "1000000 per second"},
        rate_limit="1000000 per second",
    )
    a_promoted_model(settings)
    services = replace(build_services(settings), now=lambda: NOON)
    app = create_app(services=services)
    flask_alone = Envelope(Flask.wsgi_app.__get__(app), services, no_target)

    def ask(**request: Any) -> tuple[Said, Said]:
        given = {"path": URL, "data": json.dumps(a_request()), "headers": bearer()} | request
        return said(app.wsgi_app, given), said(flask_alone, given)

    return ask


@pytest.mark.parametrize("hostile", CORPUS, ids=str)
def test_a_hostile_request_is_refused_alike_by_both_doors(
    both: Both, hostile: HostileInference, caplog: pytest.LogCaptureFixture
) -> None:
    headers = bearer() | hostile.headers

    short, long = both(data=hostile.body, content_type=hostile.content_type, headers=headers)

    status, names, body = short
    members = json.loads(body)
    assert status.startswith(str(hostile.status)), members
    assert members.keys() == {"error"}
    assert hostile.said in members["error"]
    assert ("Content-Type", JSON) in names
    assert len(body) < 10_000
    assert not [word for word in INSIDE if word in body]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert short == long


def test_the_corpus_has_nothing_twice() -> None:
    asked = Counter((h.body, h.content_type, *h.headers.items()) for h in CORPUS)

    assert [body for body, times in asked.items() if times > 1] == []
    assert len({str(hostile) for hostile in CORPUS}) == len(CORPUS) >= 120


BINARY, LENGTH = in_binary(bytes(32), a_section("input", 32))
GOOD = {
    "one tensor": {},
    "rows": {"data": json.dumps(a_request(a_tensor(data=[[1, 2], [3, 4]])))},
    "a NaN": {"data": json.dumps(a_request(a_tensor(data=[1, float("nan"), 3, None])))},
    "an id with a quote": {"data": json.dumps(a_request(id='"x"'))},
    "nulls": {"data": json.dumps(a_request(id=None, outputs=None, parameters=None))},
    "binary": {"data": BINARY, "headers": bearer() | LENGTH},
    "binary without a type": {"data": BINARY, "headers": bearer() | LENGTH, "content_type": None},
    "nothing but a tensor": {
        "data": bytes(32),
        "headers": bearer() | {"Inference-Header-Content-Length": "0"},
    },
    "a version": {"path": "/v2/models/line/versions/1/infer"},
    "all the rows": {
        "data": json.dumps(a_request(a_tensor(shape=[MAX_ROWS, 2], data=[1] * 2 * MAX_ROWS)))
    },
}
OTHERS = {
    "no token": {"headers": {}},
    "no grant": {"headers": bearer(a_token(roles=["guest"]))},
    "no such version": {"path": "/v2/models/line/versions/9/infer"},
    "no such model": {"path": "/v2/models/nobody/infer"},
    "GET": {"method": "GET"},
    "HEAD": {"method": "HEAD"},
    "OPTIONS": {"method": "OPTIONS"},
    "a slash behind": {"path": URL + "/"},
    "no such route": {"path": "/v2/models/line/nothing"},
}


@pytest.mark.parametrize("request_", GOOD.values(), ids=GOOD)
def test_a_good_request_gets_one_answer(both: Both, request_: dict[str, Any]) -> None:
    short, long = both(**request_)

    assert short[0] == "200 OK", short
    assert short == long


@pytest.mark.parametrize("request_", OTHERS.values(), ids=OTHERS)
def test_any_other_request_gets_one_answer(both: Both, request_: dict[str, Any]) -> None:
    short, long = both(**request_)

    assert short == long


def test_every_hot_path_is_a_route_of_flask_too(app: Flask) -> None:
    for path in (URL, "/v2/models/line/versions/1/infer"):
        with app.test_request_context(path, method="POST") as context:
            rule = context.request.url_rule
        found = target_of(path)

        assert found is not None
        assert rule is not None
        assert rule.rule == found.endpoint


def test_no_cut_of_a_request_brings_the_gateway_down(both: Both) -> None:
    for at in range(len(BINARY)):
        short, long = both(data=BINARY[:at], headers=bearer() | LENGTH)

        assert short[0].startswith("400"), at
        assert short == long


def test_no_changed_byte_brings_the_gateway_down(both: Both) -> None:
    for at in range(len(BINARY)):
        for byte in (b"\0", b"\xff", b'"', b"9", b"]"):
            spoilt = BINARY[:at] + byte + BINARY[at + 1 :]

            (status, _, _), _ = both(data=spoilt, headers=bearer() | LENGTH)

            assert status[:3] in {"200", "400", "413"}, spoilt


def test_a_request_without_any_type_is_json(both: Both) -> None:
    short, _ = both(content_type=None)

    assert short[0] == "200 OK"
