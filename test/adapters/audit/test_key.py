from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.adapters.audit.key import given_key, judge, made_key, public_file, public_key
from app.errors import OperatorError, SettingsError
from test.audit_parts import a_log


def test_a_key_is_made_once_for_this_user_and_its_public_half_for_all(tmp_path: Path) -> None:
    path = tmp_path / "runtime" / "audit-key.pem"

    first, second = made_key(path), made_key(path)

    assert first.id == second.id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public_file(path) == path.parent / "audit-key.pub.pem"
    assert stat.S_IMODE(public_file(path).stat().st_mode) == 0o644
    assert b"PRIVATE" not in public_file(path).read_bytes()


def test_the_public_half_verifies_what_the_private_one_has_signed(tmp_path: Path) -> None:
    key = made_key(tmp_path / "key.pem")
    head = key.signed(a_log().signed[0])
    outcome = judge([public_key(tmp_path / "key.pub.pem")])

    assert outcome(head) == "good"
    assert outcome(head._replace(seq=1)) == "wrong signature"
    assert outcome(head._replace(signature="no hexadecimal")) == "wrong signature"
    assert outcome(head._replace(key="other")) == "unknown key"


def test_values_are_hashed_under_a_key_of_their_own(tmp_path: Path) -> None:
    key, other = made_key(tmp_path / "key.pem"), made_key(tmp_path / "other.pem")

    assert len(key.values_key()) == 32
    assert key.values_key() == given_key(tmp_path / "key.pem").values_key()
    assert key.values_key() != other.values_key()


def test_a_made_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    made_key(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o644)

    with pytest.raises(SettingsError, match=r"others may read it\. Fix: chmod 600"):
        made_key(tmp_path / "key.pem")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"cannot be written: .*Fix: set audit.signing_key"):
        made_key(tmp_path / "file" / "key.pem")


def test_a_key_that_is_not_there_or_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("-----BEGIN PRIVATE KEY-----\nhush\n")
    other = generate_private_key(SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ec.pem").write_bytes(pem)

    for name, reason in (
        ("missing.pem", "No such file or directory"),
        ("none.pem", "is no private key in PEM without a password"),
        ("ec.pem", "is no Ed25519 key"),
    ):
        with pytest.raises(SettingsError) as refused:
            given_key(tmp_path / name)
        said = str(refused.value)
        assert said.startswith(f"audit.signing_key: {tmp_path / name}: {reason}. Fix: openssl")
        assert "hush" not in said


def test_a_public_key_that_is_not_there_or_none_is_refused(tmp_path: Path) -> None:
    made_key(tmp_path / "key.pem")

    for name, reason in (("missing.pem", "No such file"), ("key.pem", "is no public key")):
        with pytest.raises(OperatorError, match=f"{name}: {reason}"):
            public_key(tmp_path / name)
