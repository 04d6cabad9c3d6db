from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app.adapters.keyring import Keyring
from app.errors import KeysUnavailableError
from test.adapters.issuer import issuing
from test.adapters.keyrings import (
    SHARED,
    Clock,
    jwks_keys,
    pem_keys,
    reason_of,
    remote_keys,
    some_tokens,
)
from test.builders import a_token
from test.key_pairs import (
    a_jwk,
    a_jwks,
    signed,
    write_private,
    write_public,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_new_file_holds_within_a_second(tmp_path: Path, clock: Clock) -> None:
    write_public(tmp_path, "first")
    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)], clock))
    token = signed("ES256", "second")
    write_public(tmp_path, "second", "ES256")

    assert reason_of(tokens, token) == "key"
    clock.seconds += 1

    assert tokens.verify(token).subject == "alice"


def test_a_remembered_token_of_a_withdrawn_file_fails_within_a_second(
    tmp_path: Path, clock: Clock
) -> None:
    write_public(tmp_path, "kept")
    withdrawn = write_public(tmp_path, "withdrawn", "ES256")
    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)], clock))
    kept, lost = signed("EdDSA", "kept"), signed("ES256", "withdrawn")
    assert tokens.verify(lost) is tokens.verify(lost)

    withdrawn.unlink()
    clock.seconds += 1

    assert reason_of(tokens, lost) == "key"
    assert tokens.verify(kept).subject == "alice"


def test_a_key_that_is_replaced_under_its_name_ends_its_tokens(
    tmp_path: Path, clock: Clock
) -> None:
    write_public(tmp_path, "k")
    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)], clock))
    token = signed("EdDSA", "k")
    tokens.verify(token)

    write_public(tmp_path, "k", owner="successor")
    clock.seconds += 1

    assert reason_of(tokens, token) == "signature"
    assert tokens.verify(signed("EdDSA", "k", "successor")).subject == "alice"


def test_when_the_last_file_is_gone_nothing_holds(tmp_path: Path, clock: Clock) -> None:
    file = write_public(tmp_path, "k")
    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)], clock))
    token = signed("EdDSA", "k")
    tokens.verify(token)

    file.unlink()
    clock.seconds += 1

    assert reason_of(tokens, token) == "key"


def test_a_folder_that_is_away_for_a_moment_withdraws_nothing(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "keys"
    write_public(folder, "k")
    tokens = some_tokens(Keyring(None, [pem_keys(folder)], clock))

    folder.rename(tmp_path / "away")
    clock.seconds += 1
    assert tokens.verify(signed("EdDSA", "k")).subject == "alice"
    (tmp_path / "away").rename(folder)
    (folder / "k.pem").unlink()
    clock.seconds += 1

    assert reason_of(tokens, signed("EdDSA", "k")) == "key"


def test_a_file_that_is_half_written_withdraws_nothing(tmp_path: Path, clock: Clock) -> None:
    file = write_public(tmp_path, "k")
    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)], clock))

    file.write_bytes(file.read_bytes()[:40])
    clock.seconds += 1

    assert tokens.verify(signed("EdDSA", "k")).subject == "alice"


def test_a_private_key_alone_verifies_nothing(tmp_path: Path) -> None:
    write_public(tmp_path, "k")
    write_private(tmp_path, "alone", "ES256")

    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)]))

    assert reason_of(tokens, signed("ES256", "alone")) == "key"


def test_unchanged_files_are_not_read_again(tmp_path: Path, clock: Clock) -> None:
    write_public(tmp_path, "k")
    tokens = some_tokens(Keyring(None, [pem_keys(tmp_path)], clock))
    token = signed("EdDSA", "k")
    first = tokens.verify(token)

    clock.seconds += 1

    assert tokens.verify(token) is first


def test_a_jwks_file_that_breaks_keeps_its_keys_until_it_is_mended(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(a_jwks(a_jwk("first")))
    tokens = some_tokens(Keyring(None, [jwks_keys(file)], clock))
    first, second = signed("EdDSA", "first"), signed("ES256", "second")

    for broken in (b"{", b" " * 262_145):
        file.write_bytes(broken)
        clock.seconds += 1
        assert tokens.verify(first).subject == "alice"
    assert "holds more than 262144 bytes" in vars(caplog.records[-1])["problem"]

    file.write_bytes(a_jwks(a_jwk("second", "ES256")))
    clock.seconds += 1
    assert tokens.verify(second).subject == "alice"
    assert reason_of(tokens, first) == "key"


def test_an_unknown_key_of_an_address_is_fetched_while_its_token_waits(clock: Clock) -> None:
    with issuing() as issuer:
        issuer.document = a_jwks(a_jwk("first"))
        tokens = some_tokens(Keyring(None, [remote_keys(issuer.url, clock)], clock))
        issuer.document = a_jwks(a_jwk("second", "ES256"))
        clock.seconds += 30

        assert tokens.verify(signed("ES256", "second")).subject == "alice"
        assert reason_of(tokens, signed("EdDSA", "first")) == "key"


def test_five_hundred_unknown_keys_are_one_fetch_a_cooldown(clock: Clock) -> None:
    with issuing() as issuer:
        issuer.document = a_jwks(a_jwk("first"))
        tokens = some_tokens(Keyring(None, [remote_keys(issuer.url, clock)], clock))
        clock.seconds += 30

        reasons = {reason_of(tokens, signed("EdDSA", f"guess-{n}")) for n in range(500)}

        assert reasons == {"key"}
        assert len(issuer.fetches) == 2


def test_a_token_without_a_name_makes_nobody_fetch(clock: Clock) -> None:
    with issuing() as issuer:
        issuer.document = a_jwks(a_jwk("first"), a_jwk("second", "ES256"))
        tokens = some_tokens(Keyring(None, [remote_keys(issuer.url, clock)], clock))
        clock.seconds += 30

        assert reason_of(tokens, signed("EdDSA", None)) == "key"
        assert len(issuer.fetches) == 1


def test_before_any_key_was_fetched_no_token_is_called_wrong(clock: Clock) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        tokens = some_tokens(Keyring(None, [remote_keys(url, clock)], clock))
        beside_secret = some_tokens(Keyring(SHARED, [remote_keys(url, clock)], clock))

    with pytest.raises(KeysUnavailableError):
        tokens.verify(signed("EdDSA", "k"))
    assert reason_of(tokens, "no.token.!") == "malformed"
    assert reason_of(beside_secret, signed("EdDSA", "k")) == "key"
    assert beside_secret.verify(a_token()).subject == "alice"
