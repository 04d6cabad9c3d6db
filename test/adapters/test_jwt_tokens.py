from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from app.adapters.jwt_tokens import JwtTokens
from app.errors import TokenInvalidError
from test.builders import SECRET, a_token, some_claims


def some_tokens(**changes: Any) -> JwtTokens:
    fields: dict[str, Any] = {
        "algorithm": "HS256",
        "issuer": None,
        "audience": None,
        "leeway_seconds": 0,
        "now": time.time,
    }
    return JwtTokens(SECRET, **(fields | changes))


def reason_of(tokens: JwtTokens, token: str) -> str:
    with pytest.raises(TokenInvalidError) as caught:
        tokens.verify(token)
    return caught.value.reason


def unsigned(header: dict[str, Any], claims: dict[str, Any] | None = None) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    later = int(time.time()) + 300
    body = claims or {"sub": "alice", "roles": ["admin"], "iat": later - 400, "exp": later}
    return f"{part(header)}.{part(body)}."


def test_a_good_token_names_its_principal() -> None:
    principal = some_tokens().verify(a_token(jti="t-1", roles=["user", "admin"]))

    assert principal.subject == "alice"
    assert principal.roles == {"user", "admin"}
    assert principal.token_id == "t-1"


def test_a_token_without_roles_has_none() -> None:
    assert some_tokens().verify(a_token(roles=None)).roles == frozenset()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": datetime.now(UTC) - timedelta(seconds=1)}, "expired"),
        ({"exp": None}, "claims"),
        ({"iat": None}, "claims"),
        ({"sub": None}, "claims"),
        ({"exp": 10**400}, "claims"),
        ({"exp": 10**12}, "claims"),
        ({"sub": ""}, "claims"),
        ({"sub": "x" * 256}, "claims"),
        ({"sub": "a\nb"}, "claims"),
        ({"sub": "\ud800"}, "claims"),
        ({"sub": 7}, "malformed"),
        ({"roles": "admin"}, "claims"),
        ({"roles": [1]}, "claims"),
        ({"roles": {"admin": True}}, "claims"),
        ({"nbf": datetime.now(UTC) + timedelta(minutes=1)}, "not_yet_valid"),
        ({"iat": datetime.now(UTC) + timedelta(minutes=1)}, "not_yet_valid"),
        ({"exp": "soon"}, "malformed"),
        ({"exp": [1]}, "malformed"),
    ],
)
def test_claims_that_do_not_hold_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert reason_of(some_tokens(), a_token(**changes)) == reason


def test_another_key_is_refused() -> None:
    assert reason_of(some_tokens(), a_token("x" * 64)) == "signature"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_header_never_chooses_the_algorithm(algorithm: str) -> None:
    assert reason_of(some_tokens(), a_token(algorithm=algorithm)) == "algorithm"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", "HS256", "RS256", "ES256"])
def test_a_token_without_signature_is_refused(algorithm: str) -> None:
    with pytest.raises(TokenInvalidError):
        some_tokens().verify(unsigned({"alg": algorithm, "typ": "JWT"}))


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWE"}, {"typ": "dpop+jwt"}, {"crit": ["exp"]}, {"crit": ["b64"], "b64": False}],
)
def test_a_header_that_asks_for_more_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalidError):
        some_tokens().verify(jwt.encode(some_claims(), SECRET, headers=header))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt"])
def test_the_usual_types_are_taken(typ: str) -> None:
    token = jwt.encode(some_claims(), SECRET, headers={"typ": typ})

    assert some_tokens().verify(token).subject == "alice"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "\udcff.a.b", "x" * 9_000, "{}.{}.{}"],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenInvalidError):
        some_tokens().verify(token)


def test_a_header_nested_a_thousand_deep_is_refused() -> None:
    nested = base64.urlsafe_b64encode(b'{"a":' * 1000 + b"1" + b"}" * 1000).decode().rstrip("=")

    with pytest.raises(TokenInvalidError):
        some_tokens().verify(f"{nested}.e30.e30")


def test_issuer_and_audience_are_checked_when_they_are_set() -> None:
    tokens = some_tokens(issuer="us", audience="gate")

    assert tokens.verify(a_token(iss="us", aud="gate")).subject == "alice"
    assert tokens.verify(a_token(iss="us", aud=["gate", "other"])).subject == "alice"
    assert reason_of(tokens, a_token(iss="them", aud="gate")) == "issuer"
    assert reason_of(tokens, a_token(iss="us", aud="door")) == "audience"
    assert reason_of(tokens, a_token(aud="gate")) == "claims"
    assert reason_of(tokens, a_token(iss="us")) == "claims"


def test_a_remembered_token_still_expires() -> None:
    moment = time.time()
    tokens = some_tokens(now=lambda: moment)
    token = a_token(exp=int(moment) + 60)
    assert tokens.verify(token) is tokens.verify(token)

    moment += 61

    assert reason_of(tokens, token) == "expired"


def test_leeway_stretches_the_expiry() -> None:
    just_over = datetime.now(UTC) - timedelta(seconds=2)

    assert some_tokens(leeway_seconds=30).verify(a_token(exp=just_over)).subject == "alice"
