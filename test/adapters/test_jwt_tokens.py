from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.jwt_claims import Claims
from app.adapters.jwt_tokens import JwtTokens
from app.adapters.keyring import Keyring
from app.errors import TokenInvalidError
from app.settings.keys import Key
from test.builders import SECRET, a_token, some_claims


def some_tokens(now: Callable[[], float] = time.time, **changes: Any) -> JwtTokens:
    """Tokens of the shared secret, under rules that a change can make stricter."""
    rules: dict[str, Any] = {
        "issuer": None,
        "audience": None,
        "leeway_seconds": 0,
        "longest_seconds": 86_400,
    }
    return JwtTokens(Keyring(Key("HS256", SECRET)), Claims(**(rules | changes)), now)


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
    issued = int(time.time()) - 5
    token = a_token(
        jti="t-1", roles=["user", "admin"], scope="read  batch", iat=issued, exp=issued + 300
    )

    principal = some_tokens().verify(token)

    assert principal.subject == "alice"
    assert principal.roles == {"user", "admin"}
    assert principal.scopes == {"read", "batch"}
    assert principal.token_id == "t-1"
    assert principal.issued_at == issued
    assert principal.expires_at == issued + 300


def test_a_token_without_roles_scope_and_id_has_none() -> None:
    principal = some_tokens().verify(a_token(roles=None))

    assert not principal.roles | principal.scopes
    assert principal.token_id is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": datetime.now(UTC) - timedelta(seconds=1)}, "expired"),
        ({"exp": None}, "claims"),
        ({"iat": None}, "claims"),
        ({"sub": None}, "claims"),
        ({"exp": 10**400}, "claims"),
        ({"exp": 10**12}, "claims"),
        ({"exp": -1}, "claims"),
        ({"exp": True}, "claims"),
        ({"exp": "soon"}, "claims"),
        ({"exp": "9999999999"}, "claims"),
        ({"exp": [1]}, "claims"),
        ({"exp": float("nan")}, "malformed"),
        ({"exp": float("inf")}, "malformed"),
        ({"iat": True}, "claims"),
        ({"iat": "now"}, "claims"),
        ({"iat": float("nan")}, "malformed"),
        ({"nbf": "now"}, "claims"),
        ({"sub": ""}, "claims"),
        ({"sub": "x" * 256}, "claims"),
        ({"sub": "a\nb"}, "claims"),
        ({"sub": "\ud800"}, "claims"),
        ({"sub": {}}, "claims"),
        ({"roles": "admin"}, "claims"),
        ({"roles": [1]}, "claims"),
        ({"roles": ["a\x00"]}, "claims"),
        ({"roles": {"admin": True}}, "claims"),
        ({"scope": ["read"]}, "claims"),
        ({"scope": "a\x00b"}, "claims"),
        ({"jti": ""}, "claims"),
        ({"nbf": datetime.now(UTC) + timedelta(hours=2)}, "not_yet_valid"),
        ({"nbf": 1, "iat": datetime.now(UTC) + timedelta(hours=2)}, "not_yet_valid"),
        ({"iat": datetime.now(UTC) + timedelta(hours=2)}, "not_yet_valid"),
    ],
)
def test_claims_that_do_not_hold_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert reason_of(some_tokens(), a_token(**changes)) == reason


@pytest.mark.parametrize("name", ["sub", "jti"])
def test_a_name_that_is_no_text_is_refused(name: str) -> None:
    token = jwt.PyJWS().encode(
        json.dumps({"sub": "alice", "iat": 1, "exp": 60} | {name: 7}).encode(), SECRET
    )

    assert reason_of(some_tokens(now=lambda: 30), token) == "claims"


def test_a_claim_that_stands_twice_is_refused() -> None:
    token = jwt.PyJWS().encode(b'{"sub":"alice","sub":"bob","iat":1,"exp":60}', SECRET)

    assert reason_of(some_tokens(now=lambda: 30), token) == "malformed"


def test_a_token_may_live_as_long_as_the_settings_say_and_no_longer() -> None:
    tokens = some_tokens(longest_seconds=60, now=lambda: 1_000)

    assert tokens.verify(a_token(iat=1_000, exp=1_060)).subject == "alice"
    assert reason_of(tokens, a_token(iat=1_000, exp=1_061)) == "lifetime"


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "sub", "roles", "scope", "jti"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_whatever_a_signed_token_claims_it_holds_or_is_refused(changes: dict[str, Any]) -> None:
    claims = {"sub": "alice", "iat": 1_000, "exp": 1_060, "iss": "us", "aud": "gate"} | changes
    token = jwt.PyJWS().encode(json.dumps(claims).encode(), SECRET)
    tokens = some_tokens(issuer="us", audience="gate", now=lambda: 1_030)

    with suppress(TokenInvalidError):
        principal = tokens.verify(token)

        assert principal.issued_at <= 1_030 < principal.expires_at
        assert claims["iss"] == "us"


@given(st.text(max_size=300) | st.from_regex(r"[\w-]{0,9}\.[\w-]{0,9}\.[\w-]{0,9}", fullmatch=True))
def test_whatever_is_sent_as_a_token_is_refused(token: str) -> None:
    assert reason_of(some_tokens(), token) in {"malformed", "type", "key", "algorithm"}


def test_another_key_is_refused() -> None:
    assert reason_of(some_tokens(), a_token("x" * 64)) == "signature"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_header_never_chooses_the_algorithm(algorithm: str) -> None:
    assert reason_of(some_tokens(), a_token(algorithm=algorithm)) == "algorithm"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", "HS256", "RS256", "ES256"])
def test_a_token_without_signature_is_refused(algorithm: str) -> None:
    assert reason_of(some_tokens(), unsigned({"alg": algorithm, "typ": "JWT"})) == "malformed"


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWE"}, {"typ": "dpop+jwt"}, {"crit": ["exp"]}, {"crit": ["b64"], "b64": False}],
)
def test_a_header_that_asks_for_more_is_refused(header: dict[str, Any]) -> None:
    token = jwt.encode(some_claims(), SECRET, headers=header)

    assert reason_of(some_tokens(), token) in {"type", "malformed"}


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt"])
def test_the_usual_types_are_taken(typ: str) -> None:
    token = jwt.encode(some_claims(), SECRET, headers={"typ": typ})

    assert some_tokens().verify(token).subject == "alice"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "\udcff.a.b", "x" * 9_000, "{}.{}.{}"],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert reason_of(some_tokens(), token) in {"malformed", "too_long"}


def test_a_header_nested_a_thousand_deep_is_refused() -> None:
    nested = base64.urlsafe_b64encode(b'{"a":' * 1000 + b"1" + b"}" * 1000).decode().rstrip("=")

    assert reason_of(some_tokens(), f"{nested}.e30.e30") == "malformed"


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
