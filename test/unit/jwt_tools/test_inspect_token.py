from __future__ import annotations

import io
import json
import sys

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_tools.inspect_token import main
from test.builders import a_token
from test.key_pairs import signed

Said = pytest.CaptureFixture[str]


def test_header_claims_and_dates_are_shown_and_called_unverified(capsys: Said) -> None:
    assert main([signed("ES256", "k", iat=1_700_000_000, exp=1_700_003_600)]) == 0

    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "NOT VERIFIED: anybody could have written this."
    assert '  "kid": "k",' in rest
    assert '  "sub": "alice",' in rest
    assert rest[-3:] == [
        "issued     2023-11-14 22:13:20+00:00",
        "not before never said",
        "expires    2023-11-14 23:13:20+00:00  EXPIRED",
    ]


def test_a_token_that_still_lives_is_not_called_expired(capsys: Said) -> None:
    main([a_token()])

    assert "EXPIRED" not in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_a_token_can_come_from_standard_input(
    capsys: Said, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f" {a_token()}\n".encode())))

    assert main(arguments) == 0
    assert '"sub": "alice"' in capsys.readouterr().out


def test_a_stranger_cannot_move_the_cursor(capsys: Said) -> None:
    main([a_token(sub="\x1b[2J\u202eecila")])

    assert capsys.readouterr().out.isascii()


@pytest.mark.parametrize("moment", ["soon", 10**30, -(10**30), 1e300, [1], None, {}])
def test_a_time_that_is_none_is_shown_as_such(capsys: Said, moment: object) -> None:
    token = jwt.PyJWS().encode(json.dumps({"exp": moment}).encode(), "x" * 32)

    assert main([token]) == 0
    assert "expires    no date: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("", "it is not made of three parts in base64url with dots between them"),
        ("a.b", "it is not made of three parts"),
        ("e30.e30.e30.e30.e30", "it is not made of three parts"),
        ("e30.e30.", "it is not made of three parts"),
        ("a.e30.e30", "its header is no base64url"),
        ("e30.e30.\u00e9", "it is not made of three parts"),
        ("AAAA.e30.e30", "its header is no JSON in UTF-8"),
        ("W10.e30.e30", "its header is no JSON object"),
        ("e30.W10.e30", "its payload is no JSON object"),
        ("eyJhIjoxLCJhIjoyfQ.e30.e30", "its header is no JSON in UTF-8 with names that stand once"),
        ("eyJhIjpOYU59.e30.e30", "its header is no JSON in UTF-8"),
        ("x" * 100_000, "it is not made of three parts"),
    ],
)
def test_what_is_no_token_is_one_message(capsys: Said, token: str, problem: str) -> None:
    assert main([token]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: this is no signed token: {problem}")


@given(st.text().filter(lambda text: not text.startswith("-")))
def test_nothing_that_is_typed_ends_in_a_traceback(text: str) -> None:
    assert main([text]) == 2
