from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

import joblib
import numpy as np
import pytest

from test.builders import a_token, bearer
from test.e2e.calls import PREDICT, Reply, a_body, ask, json_headers, predict, until
from test.e2e.conftest import LIMIT, MAX_BODY_BYTES
from test.e2e.estimators import FAIL
from test.e2e.server import Server

pytestmark = pytest.mark.e2e
TOO_MUCH = b'{"data": [' + b"[1.0, 2.0], " * (MAX_BODY_BYTES // 8) + b"[1.0, 2.0]]}"
STRANGER = a_token("0" * 64)
GUEST = a_token(sub="guest", roles=["guest"])

REFUSALS: dict[str, tuple[str, str, bytes | None, dict[str, str], int]] = {
    "no JSON": ("POST", PREDICT, b"{", json_headers(), 400),
    "a wrong shape": ("POST", PREDICT, a_body([1.0]), json_headers(), 400),
    "no token": ("POST", PREDICT, a_body(), {"Content-Type": "application/json"}, 401),
    "another's token": ("POST", PREDICT, a_body(), json_headers(STRANGER), 401),
    "no grant": ("POST", PREDICT, a_body(), json_headers(GUEST), 403),
    "no such route": ("GET", "/api/v1/nothing", None, {}, 404),
    "no such method": ("GET", PREDICT, None, bearer(), 405),
    "another answer type": ("POST", PREDICT, a_body(), json_headers(Accept="text/html"), 406),
    "too long": ("POST", PREDICT, TOO_MUCH, json_headers(), 413),
    "another body type": ("POST", PREDICT, a_body(), bearer() | {"Content-Type": "text/xml"}, 415),
    "an encoding": ("POST", PREDICT, a_body(), json_headers(**{"Content-Encoding": "gzip"}), 415),
}


def check_headers(reply: Reply) -> None:
    """Every answer has an id and is guarded; none says what it runs on."""
    headers = reply.headers
    assert headers["X-Request-ID"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Strict-Transport-Security"] is None
    assert len(headers) == len(set(map(str.lower, headers))), f"sent twice: {headers.items()}"
    assert not headers["Server"]
    shown = str(headers.items()).lower()
    assert not [name for name in ("granian", "gunicorn", "werkzeug", "python") if name in shown]


def check_problem(reply: Reply, status: int, path: str = PREDICT) -> dict[str, Any]:
    """A failure has the one shape, and says in the body what it says in the headers."""
    assert reply.status == status
    check_headers(reply)
    assert reply.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = reply.json()
    members = {"type", "title", "status", "detail", "instance", "error", "request_id"}
    assert members <= set(body) <= members | {"errors"}
    assert body["status"] == status
    assert body["instance"] == path
    assert body["request_id"] == reply.headers["X-Request-ID"]
    return body


def test_a_prediction_is_the_one_of_the_file(gateway: Server) -> None:
    rows = np.random.default_rng(3).normal(scale=50, size=(20, 2)).tolist()
    file = gateway.settings.path(gateway.settings.model.model_path)

    reply = predict(gateway, *rows)

    assert reply.status == 200
    assert reply.json()["predictions"] == joblib.load(file).predict(np.array(rows)).tolist()
    assert reply.headers["X-Cache"] == "miss"
    check_headers(reply)
    again = predict(gateway, *rows)
    assert again.json()["predictions"] == reply.json()["predictions"]
    assert again.headers["X-Cache"] == "hit"


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_status_and_the_one_shape(gateway: Server, name: str) -> None:
    method, path, body, headers, status = REFUSALS[name]

    reply = ask(gateway, method, path, body=body, headers=headers)

    check_problem(reply, status, path)
    assert (reply.headers["WWW-Authenticate"] is not None) == (status in {401, 403})
    assert (reply.headers["Allow"] is not None) == (status == 405)


def test_a_chunked_body_is_read_and_bounded(gateway: Server) -> None:
    def parts(body: bytes) -> Iterator[bytes]:
        yield from (body[at : at + 1_000] for at in range(0, len(body), 1_000))

    def refused(body: bytes) -> Reply | None:
        with suppress(ConnectionError):
            return ask(gateway, "POST", PREDICT, body=parts(body), headers=json_headers())
        return None

    few = ask(gateway, "POST", PREDICT, body=parts(a_body()), headers=json_headers())
    # The server may close while a part is still being sent; then it is asked again.
    many = until(lambda: refused(TOO_MUCH), "the refusal never came")

    assert few.status == 200
    check_problem(many, 413)


def test_a_spent_limit_is_429_with_the_time_to_wait(gateway: Server) -> None:
    token = a_token(sub=f"spender of {gateway.port}")
    accepted = [predict(gateway, token=token) for _ in range(LIMIT)]

    refused = predict(gateway, token=token)

    assert {reply.status for reply in accepted} == {200}
    policy = accepted[0].headers["RateLimit-Policy"]
    assert accepted[0].headers["RateLimit"].partition(";")[2].startswith(f"r={LIMIT - 1};t=")
    check_problem(refused, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["RateLimit-Policy"] == policy
    assert f"q={LIMIT};w=60" in policy
    assert ";r=0;t=" in refused.headers["RateLimit"]


def test_a_500_shows_only_a_request_id(gateway: Server) -> None:
    reply = predict(gateway, [FAIL, 4_711.25])

    body = check_problem(reply, 500)
    assert body == {
        "type": "urn:gatehouse:problem:internal-error",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Internal server error",
        "instance": PREDICT,
        "error": "Internal server error",
        "request_id": reply.headers["X-Request-ID"],
    }
    assert predict(gateway).status == 200


def test_a_caller_that_was_refused_unread_knows_that_the_connection_ends(gateway: Server) -> None:
    body = b"[" + b" " * (MAX_BODY_BYTES - 2) + b"]"
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=10)

    statuses = []
    for _ in range(8):
        connection.request("POST", PREDICT, body, json_headers(STRANGER))
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()

    assert statuses == [401] * 8
