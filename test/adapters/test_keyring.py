from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from app.adapters.keyring import Keyring, KeySet, OneAtATime
from test.adapters.issuer import issuing
from test.adapters.keyrings import (
    SHARED,
    pem_keys,
    reason_of,
    some_tokens,
)
from test.builders import SECRET, a_token, some_claims
from test.key_pairs import (
    ALGORITHMS,
    a_jwk,
    a_jwks,
    private_key,
    public_key,
    signed,
    write_public,
)


def test_a_key_is_chosen_by_its_name() -> None:
    one, other = public_key("EdDSA", "one"), public_key("ES256", "other")
    keys = KeySet((one, other))

    assert keys.choose("other") is other
    assert keys.choose("third") is None


def test_of_two_keys_with_one_name_the_first_counts() -> None:
    ours, theirs = public_key("EdDSA", "k"), public_key("EdDSA", "k", "stranger")

    assert KeySet((ours, theirs)).choose("k") is ours


def test_without_a_name_the_secret_is_meant_or_the_only_key() -> None:
    one, other = public_key("EdDSA", "one"), public_key("ES256", "other")

    assert KeySet((SHARED, one)).choose(None) is SHARED
    assert KeySet((one,)).choose(None) is one
    assert KeySet((one, other)).choose(None) is None
    assert KeySet(()).choose(None) is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tokens_of_every_kind_of_key_hold_beside_the_secret(tmp_path: Path, algorithm: str) -> None:
    for each in ALGORITHMS:
        write_public(tmp_path, f"kid-{each}", each)
    tokens = some_tokens(Keyring(SHARED, [pem_keys(tmp_path)]))

    assert tokens.verify(signed(algorithm, f"kid-{algorithm}")).subject == "alice"
    assert tokens.verify(a_token()).subject == "alice"
    assert reason_of(tokens, signed(algorithm, f"kid-{algorithm}", "stranger")) == "signature"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_algorithm_is_that_of_the_named_key(tmp_path: Path, algorithm: str) -> None:
    others = [each for each in ALGORITHMS if each != algorithm]
    write_public(tmp_path, "k", algorithm)
    tokens = some_tokens(Keyring(SHARED, [pem_keys(tmp_path)]))

    assert [reason_of(tokens, signed(other, "k")) for other in others] == ["algorithm"] * 2
    assert reason_of(tokens, signed(algorithm, None)) == "algorithm"
    with_secret = jwt.encode(some_claims(), SECRET, headers={"kid": "k"})
    assert reason_of(tokens, with_secret) == "algorithm"


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
def test_one_key_has_one_algorithm(tmp_path: Path, algorithm: str) -> None:
    write_public(tmp_path, "k", "RS256")
    token = jwt.encode(
        some_claims(), private_key("RS256"), algorithm=algorithm, headers={"kid": "k"}
    )

    assert reason_of(some_tokens(Keyring(None, [pem_keys(tmp_path)])), token) == "algorithm"


@pytest.mark.parametrize("kid", ["unknown", "", "../k", "k\x00", "x" * 201, 7, None, ["k"], {}])
def test_a_name_that_no_key_has_is_refused(tmp_path: Path, kid: Any) -> None:
    write_public(tmp_path, "k")
    header = {"alg": "EdDSA", "kid": kid}
    _, payload, signature = signed("EdDSA", "k").split(".")
    head = jwt.utils.base64url_encode(json.dumps(header).encode()).decode()

    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)]))
    assert reason_of(tokens, f"{head}.{payload}.{signature}") == "key"


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_no_key_is_fetched_from_where_a_token_says(name: str) -> None:
    with issuing() as stranger:
        stranger.document = a_jwks(a_jwk("k"))
        tokens = some_tokens(Keyring(SHARED))
        token = jwt.encode(
            some_claims(),
            private_key("EdDSA"),
            algorithm="EdDSA",
            headers={"kid": "k", name: stranger.url},
        )

        assert reason_of(tokens, token) == "key"
        assert stranger.fetches == []


def test_a_turn_is_one_threads_and_a_forked_child_has_its_own() -> None:
    lock = OneAtATime()
    with lock.turn() as is_mine, lock.turn() as is_mine_too:
        assert (is_mine, is_mine_too) == (True, False)
        if (pid := os.fork()) == 0:
            with lock.turn() as is_the_childs:
                os._exit(0 if is_the_childs else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with lock.turn() as is_mine_again:
        assert is_mine_again


def test_a_key_shows_nothing_of_what_it_is() -> None:
    assert SECRET not in repr(SHARED)


def test_tokens_are_verified_with_the_clock_of_the_machine_by_default() -> None:
    token = a_token(iat=int(time.time()) - 120, exp=int(time.time()) - 60)

    assert reason_of(some_tokens(Keyring(SHARED)), token) == "expired"
