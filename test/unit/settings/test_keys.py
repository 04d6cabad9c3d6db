from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from hypothesis import given
from hypothesis import strategies as st

from app.settings.keys import jwk_of, key_of, read_jwks, thumbprint
from test.key_pairs import ALGORITHMS, a_jwk, a_jwks, private_key, public_key

SHORT = rsa.generate_private_key(public_exponent=65_537, key_size=2_047)  # noqa: S505  on purpose


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_algorithm_follows_from_the_key(algorithm: str) -> None:
    assert key_of(private_key(algorithm).public_key(), "k").algorithm == algorithm


@pytest.mark.parametrize(
    ("material", "problem"),
    [
        (ec.generate_private_key(ec.SECP384R1()).public_key(), "curve secp384r1, not on P-256"),
        (ec.generate_private_key(ec.SECP256K1()).public_key(), "curve secp256k1, not on P-256"),
        (ed448.Ed448PrivateKey.generate().public_key(), "is no RSA, P-256 or Ed25519"),
        (SHORT.public_key(), "is an RSA key of 2047 bits"),
        (private_key("EdDSA"), "is no RSA, P-256 or Ed25519 public key"),
        ("secret", "is no RSA, P-256 or Ed25519 public key"),
    ],
    ids=["P-384", "secp256k1", "Ed448", "RSA", "private", "text"],
)
def test_other_and_weak_keys_have_none(material: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        key_of(material, "k")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_comes_back_from_its_jwk(algorithm: str) -> None:
    key = public_key(algorithm, "k")

    assert read_jwks(a_jwks(jwk_of(key))).keys == (key,)
    assert "d" not in jwk_of(key)


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    example = jwt.algorithms.RSAAlgorithm.from_jwk({"kty": "RSA", "n": modulus, "e": "AQAB"})

    assert thumbprint(example) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # type: ignore[arg-type]


@pytest.mark.parametrize("member", [{"alg": None}, {"use": None}, {"kid": None}, {"x5c": ["MII"]}])
def test_what_a_key_need_not_say_is_not_missed(member: dict[str, Any]) -> None:
    assert len(read_jwks(a_jwks(a_jwk("k", **member))).keys) == 1


@pytest.mark.parametrize(
    ("algorithm", "changes", "problem"),
    [
        ("EdDSA", {"use": "enc"}, "is not for signatures"),
        ("EdDSA", {"key_ops": ["sign"]}, "is not for signatures"),
        ("EdDSA", {"alg": "ES256"}, "is for another algorithm than EdDSA"),
        ("RS256", {"alg": "RS512"}, "is for another algorithm than RS256"),
        ("RS256", {"alg": "PS256"}, "is for another algorithm than RS256"),
        ("RS256", {"alg": "HS256"}, "is for another algorithm than RS256"),
        ("EdDSA", {"d": "c2VjcmV0"}, "is secret or private"),
        ("EdDSA", {"kty": "oct", "k": "c2VjcmV0"}, "is secret or private"),
        ("EdDSA", {"kty": "other"}, "cannot be read"),
        ("EdDSA", {"kty": None}, "cannot be read"),
        ("EdDSA", {"kid": "a b"}, "has no printable 'kid'"),
        ("EdDSA", {"kid": "x" * 201}, "has no printable 'kid'"),
        ("EdDSA", {"kid": 7}, "cannot be read"),
        ("EdDSA", {"x": "AAAA"}, "cannot be read"),
        ("EdDSA", {"x": 7}, "cannot be read"),
        ("ES256", {"y": "A" * 43}, "key 0 "),
        ("RS256", {"n": "AQAB"}, "key 0 "),
    ],
    ids=str,
)
def test_what_verifies_no_tokens_is_passed_over(
    algorithm: str, changes: dict[str, Any], problem: str
) -> None:
    bad = a_jwk("bad", algorithm, **changes)

    found = read_jwks(a_jwks(bad, a_jwk("good")))

    assert [key.kid for key in found.keys] == ["good"]
    (said,) = found.problems
    assert said.startswith("key 0 ")
    assert problem in said
    assert "c2VjcmV0" not in said


@pytest.mark.parametrize("member", [None, 7, "key", [], {}])
def test_members_that_are_no_keys_are_passed_over(member: object) -> None:
    found = read_jwks(a_jwks(member, a_jwk("good")))

    assert [key.kid for key in found.keys] == ["good"]
    assert found.problems == ("key 0 cannot be read",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
MEMBERS = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid"])


@given(st.sampled_from(ALGORITHMS), st.dictionaries(MEMBERS, JSON, min_size=1))
def test_whatever_stands_in_a_set_is_a_key_or_a_problem(
    algorithm: str, changes: dict[str, Any]
) -> None:
    found = read_jwks(json.dumps({"keys": [a_jwk("k", algorithm) | changes]}).encode())

    assert len(found.keys) + len(found.problems) == 1
