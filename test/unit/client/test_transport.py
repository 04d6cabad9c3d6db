"""What is tried again, and what is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gatehouse_client import (
    AnswerError,
    ClientError,
    Gatehouse,
    InvalidRequestError,
    ModelNotFoundError,
    Patience,
    PermissionDeniedError,
    ProblemError,
    RateLimitedError,
    TokenError,
    TokenRefusedError,
    UnavailableError,
    UnreachableError,
)

from test.unit.client.gateways import Gateway, Said, a_gateway, a_problem, sums

QUICK = Patience(tries=3, first_seconds=0.001, most_seconds=1.0)


@pytest.fixture
def line() -> Iterator[Gateway]:
    with a_gateway(sums) as gateway:
        yield gateway


def _client(gateway: Gateway) -> Gatehouse:
    return Gatehouse(gateway.url, "secret", patience=QUICK)


def _stubborn(*refusals: Said) -> Any:
    """Answer with *refusals* first, and then as it should be."""
    waiting = iter(refusals)
    return lambda request: next(waiting, None) or sums(request)


@pytest.mark.parametrize(
    "refusal",
    [a_problem(429), a_problem(503), Said(b"<html>", 503), Said(status=0)],
    ids=["limit", "not-ready", "proxy", "cut"],
)
def test_what_may_pass_is_tried_again(refusal: Said) -> None:
    with a_gateway(_stubborn(refusal, refusal)) as gateway, _client(gateway) as client:
        assert client.models()[0].name == "line"

    assert len(gateway.seen) == 3


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (a_problem(429), RateLimitedError),
        (a_problem(503), UnavailableError),
        (Said(status=0), UnreachableError),
    ],
    ids=["limit", "not-ready", "cut"],
)
def test_patience_ends(refusal: Said, kind: type[ClientError]) -> None:
    with (
        a_gateway(lambda _: refusal) as gateway,
        _client(gateway) as client,
        pytest.raises(kind),
    ):
        client.models()

    assert len(gateway.seen) == QUICK.tries


def test_a_long_wait_is_the_callers_to_decide() -> None:
    said = Said({"error": "Too many requests"}, 429, {"Retry-After": "3600"})
    with (
        a_gateway(lambda _: said) as gateway,
        _client(gateway) as client,
        pytest.raises(RateLimitedError) as caught,
    ):
        client.models()

    assert (len(gateway.seen), caught.value.retry_after_seconds) == (1, 3600.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, TokenRefusedError),
        (403, PermissionDeniedError),
        (404, ModelNotFoundError),
        (406, ProblemError),
        (413, InvalidRequestError),
        (415, InvalidRequestError),
        (500, ProblemError),
        (302, ProblemError),
    ],
)
def test_nothing_else_is_tried_again(status: int, kind: type[ProblemError]) -> None:
    refused = Said(a_problem(status).body, status, {"Location": "/elsewhere"})
    with (
        a_gateway(lambda _: refused) as gateway,
        _client(gateway) as client,
        pytest.raises(kind, match=r"Refused \| Because") as caught,
    ):
        client.models()

    assert len(gateway.seen) == 1
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.request_id) == (status, "r")
    assert caught.value.problem["detail"] == "Because."


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"models": [{}]}'], ids=repr)
def test_an_answer_that_is_no_gatehouses_is_told(body: bytes) -> None:
    with (
        a_gateway(lambda _: Said(body)) as gateway,
        _client(gateway) as client,
        pytest.raises(AnswerError),
    ):
        client.models()


def test_nobody_there_is_told_with_the_address() -> None:
    with (
        Gatehouse("http://127.0.0.1:1", patience=QUICK) as client,
        pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:1"),
    ):
        client.models()


@pytest.mark.parametrize("url", ["", "127.0.0.1:5000", "ftp://host", "https://"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Gatehouse(url)


def test_a_path_in_front_of_the_routes_is_kept(line: Gateway) -> None:
    with Gatehouse(f"{line.url}/inner/", "secret") as client, pytest.raises(AnswerError):
        client.models()

    assert line.paths == ["/inner/api/v1/models"]


def test_the_token_is_in_no_text_about_the_client(line: Gateway) -> None:
    client = _client(line)

    assert "secret" not in repr(client) + repr(vars(client)["_transport"])


def test_a_token_from_a_file_ends_with_its_line(line: Gateway) -> None:
    with Gatehouse(line.url, "secret\n") as client:
        client.models()

    assert line.seen[-1].token == "Bearer secret"


@pytest.mark.parametrize("token", ["secret☃", "sec\r\nret"], ids=["no ASCII", "two lines"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_told(
    line: Gateway, token: str
) -> None:
    with Gatehouse(line.url, token) as client, pytest.raises(TokenError) as refused:
        client.models()

    assert "sec" not in str(refused.value)
