from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.domain.ports import Tokens
from app.errors import TokenInvalidError
from app.gate.services import Services
from app.wiring import build_services
from test.api.forgery import ALL, AUDIENCE, ISSUER, KIDS, LONGEST_MINUTES, claims, genuine
from test.api.hostile_tokens import KINDS, corpus
from test.builders import ROW, a_promoted_model, some_settings
from test.key_pairs import write_private, write_public

BODY = json.dumps({"data": [ROW]}).encode()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """A gateway with a secret and one public key of each kind, which nobody's guessing locks."""
    root: Path = tmp_path_factory.mktemp("gateway")
    for algorithm, kid in KIDS.items():
        write_public(root / "keys", kid, algorithm)
    write_private(root / "keys", "withdrawn", owner="withdrawn")
    security = {
        "keys_path": "keys",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "max_token_minutes": LONGEST_MINUTES,
        "failed_auth_limit": "1000000 per second",
    }
    settings = some_settings(
        root, security=security, rate_limit="1000000 per second", audit={"mode": "off"}
    )
    a_promoted_model(settings)
    return build_services(settings)


@pytest.fixture(scope="module")
def client(gateway: Services) -> FlaskClient:
    return create_app(services=gateway).test_client()


def status(client: FlaskClient, token: str) -> int:
    """Send *token* byte for byte, even where an HTTP library would refuse to."""
    answer = client.post(
        "/api/v1/predict",
        data=BODY,
        content_type="application/json",
        environ_overrides={"HTTP_AUTHORIZATION": f"Bearer {token}"},
    )
    return answer.status_code


def reason(tokens: Tokens, token: str) -> str:
    try:
        tokens.verify(token)
    except TokenInvalidError as error:
        return error.reason
    return "taken"


@pytest.mark.parametrize("kind", KINDS)
def test_the_gateway_answers_401(client: FlaskClient, kind: str) -> None:
    answered = [(status(client, token), token) for token in corpus(kind)]

    assert [(code, token) for code, token in answered if code != 401] == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_refused_for_a_reason_of_its_kind(gateway: Services, kind: str) -> None:
    found = [(reason(gateway.tokens, token), token) for token in corpus(kind)]

    assert [(why, token) for why, token in found if why not in KINDS[kind].reasons] == []


def test_there_are_hundreds_of_them_and_some_of_each_kind() -> None:
    sizes = {kind: len(set(corpus(kind))) for kind in KINDS}

    assert min(sizes.values()) >= 5
    assert sum(sizes.values()) >= 400


GOOD: dict[str, dict[str, Any]] = {
    "as an access token": {"typ": "at+jwt"},
    "without a type": {"typ": ...},
    "with a key it brings along": {"jwk": {"kty": "oct", "k": ""}},
    "with an address": {"jku": "https://evil.example/jwks"},
    "with an unknown member": {"nonce": "x"},
}


@pytest.mark.parametrize("algorithm", ALL)
def test_a_genuine_token_of_every_kind_of_key_is_taken(client: FlaskClient, algorithm: str) -> None:
    assert status(client, genuine(algorithm)) == 200


@pytest.mark.parametrize("name", GOOD)
def test_a_genuine_token_is_taken(client: FlaskClient, name: str) -> None:
    assert status(client, genuine(**GOOD[name])) == 200


def test_claims_may_be_as_an_issuer_likes_them(client: FlaskClient) -> None:
    now = time.time()
    full = claims(aud=["other", AUDIENCE], iat=now - 1, nbf=int(now) - 1, exp=now + 3_590.5)
    sparse = claims(jti=..., scope=...)

    assert [status(client, genuine(body=body)) for body in (full, sparse)] == [200, 200]


def test_white_space_around_a_token_is_none_of_it(client: FlaskClient) -> None:
    assert status(client, f"  {genuine()} ") == 200
