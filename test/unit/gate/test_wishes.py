from __future__ import annotations

from typing import Any

import pytest

from app.domain.prediction import Wish
from app.errors import BodyMalformedError
from app.gate.wishes import Asked, asked_in_members, asked_in_query


@pytest.mark.parametrize(
    ("query", "members", "expected"),
    [
        ("", {}, Asked()),
        ("probabilities=true", {"probabilities": True}, Asked(Wish(probabilities=True))),
        ("scores=true", {"scores": True}, Asked(Wish(scores=True))),
        ("on_error=skip", {"on_error": "skip"}, Asked(skips=True)),
        (
            "scores=false&on_error=fail&probabilities=false",
            {"scores": False, "on_error": "fail", "probabilities": False},
            Asked(),
        ),
        (
            "on_error=skip&probabilities=true&scores=true",
            {"on_error": "skip", "probabilities": True, "scores": True},
            Asked(Wish(probabilities=True, scores=True), skips=True),
        ),
    ],
)
def test_query_and_members_ask_for_the_same(
    query: str, members: dict[str, object], expected: Asked
) -> None:
    assert asked_in_query(query) == asked_in_members(members) == expected


@pytest.mark.parametrize(
    "query",
    [
        "probabilities",
        "probabilities=",
        "probabilities=1",
        "probabilities=True",
        "on_error=ignore",
        "on_error=true",
        "on_error",
        "scores=skip",
        "other=1",
        "data=1",
        "&",
        "scores=true&",
        "scores=true&scores=true",
        "scores=true&scores=false",
        "scores=true;probabilities=true",
        "a=b&c",
        "x" * 100_000,
        "&" * 100_000,
    ],
    ids=lambda query: query[:40],
)
def test_a_query_that_asks_for_something_else_is_refused(query: str) -> None:
    with pytest.raises(BodyMalformedError) as caught:
        asked_in_query(query)

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"other": 1}, "'other' is not known"),
        ({"x" * 500: 1}, f"'{'x' * 100}' is not known"),
        ({"probabilities": 1}, "'probabilities' must be true or false"),
        ({"scores": "true"}, "'scores' must be true or false"),
        ({"scores": None}, "'scores' must be true or false"),
        ({"on_error": True}, "'on_error' must be"),
        ({"on_error": ["skip"]}, "'on_error' must be"),
        ({"on_error": "Skip"}, "'on_error' must be"),
    ],
    ids=str,
)
def test_a_member_that_asks_for_something_else_is_named(
    members: dict[str, Any], detail: str
) -> None:
    with pytest.raises(BodyMalformedError, match=detail):
        asked_in_members(members)
