from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as an_rsa_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from app.domain import manifest
from app.errors import OperatorError, RegistryError
from app.lifecycle.registry import add_version, read_version
from app.lifecycle.sign import sign
from test.builders import a_regression_table
from test.model_keys import a_key, private_pem, public_pem, written
from test.unit.lifecycle.test_registry import contract_for
from test.unit.lifecycle.training import trained

KEY = a_key("trainer")


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    add_version(tmp_path, b"one", contract_for(b"one"))
    add_version(tmp_path, b"two", contract_for(b"two"))
    return tmp_path


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return written(tmp_path / "key.pem", private_pem(KEY))


def test_a_signature_holds_and_names_its_key(registry: Path, key_file: Path) -> None:
    done = sign(registry, "line", "1", key_file=key_file)

    stored = read_version(registry, "line", "1")
    assert stored.contract.signature is not None
    assert done.key == stored.contract.signature.key
    assert done.key == manifest.key_id(KEY.public_key().public_bytes_raw())
    value = b64decode(stored.contract.signature.value)
    KEY.public_key().verify(value, manifest.signed_bytes(stored.document))


def test_signing_changes_nothing_else(registry: Path, key_file: Path) -> None:
    before = read_version(registry, "line", "1")

    sign(registry, "line", "1", key_file=key_file)

    after = read_version(registry, "line", "1")
    members = json.loads(after.document)
    assert members.pop("signature")
    assert members | {"signature": None} == json.loads(before.document)
    assert after.payload == before.payload
    assert len(list((registry / "line/1").iterdir())) == 2


def test_without_a_version_the_newest_is_signed(registry: Path, key_file: Path) -> None:
    assert sign(registry, "line", key_file=key_file).version == "2"
    assert read_version(registry, "line", "1").contract.signature is None


def test_a_second_signature_takes_the_place_of_the_first(registry: Path, key_file: Path) -> None:
    sign(registry, "line", "1", key_file=key_file)
    other = written(registry / "other.pem", private_pem(a_key("other")))

    second = sign(registry, "line", "1", key_file=other)

    signature = read_version(registry, "line", "1").contract.signature
    assert signature is not None
    assert signature.key == second.key


def test_the_same_key_signs_the_same_way(registry: Path, key_file: Path) -> None:
    sign(registry, "line", "1", key_file=key_file)
    first = (registry / "line/1/manifest.json").read_bytes()

    sign(registry, "line", "1", key_file=key_file)

    assert (registry / "line/1/manifest.json").read_bytes() == first


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("line", "3", "line has no version '3'; there is: 1, 2"),
        ("other", None, r"other has no version '\?'; there is: none"),
        ("../line", "1", "is no model name"),
    ],
)
def test_what_was_never_stored_is_refused(
    registry: Path, key_file: Path, name: str, version: str | None, message: str
) -> None:
    with pytest.raises(RegistryError, match=message):
        sign(registry, name, version, key_file=key_file)


def test_nobody_vouches_for_a_damaged_artefact(registry: Path, key_file: Path) -> None:
    (registry / "line/1/model.joblib").write_bytes(b"uno")

    with pytest.raises(RegistryError, match="is not the file that its contract names"):
        sign(registry, "line", "1", key_file=key_file)

    assert b'"signature": null' in (registry / "line/1/manifest.json").read_bytes()


@pytest.mark.parametrize("content", [b"others", None], ids=["others", "missing"])
def test_nobody_vouches_for_rows_that_training_did_not_hold_out(
    tmp_path: Path, key_file: Path, content: bytes | None
) -> None:
    trained(tmp_path, a_regression_table(), name="held")
    file = tmp_path / "held/1/heldout.npz"
    file.unlink() if content is None else file.write_bytes(content)

    with pytest.raises(RegistryError, match=r"heldout\.npz: is .* Fix: "):
        sign(tmp_path, "held", "1", key_file=key_file)

    assert read_version(tmp_path, "held", "1").contract.signature is None


def rsa() -> RSAPrivateKey:
    return an_rsa_key(public_exponent=65_537, key_size=2_048)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: private_pem(rsa()), "is a key of another kind"),
        (lambda: private_pem(generate_private_key(SECP256R1())), "is a key of another kind"),
        (lambda: public_pem(KEY), "is no private key in PEM"),
        (lambda: private_pem(KEY, BestAvailableEncryption(b"word")), "has a password"),
        (lambda: b"", "is no private key in PEM"),
        (KEY.private_bytes_raw, "is no private key in PEM"),
    ],
    ids=["RSA", "P-256", "public", "with a password", "empty", "raw"],
)
def test_a_file_that_is_no_such_key_is_refused_with_a_fix(
    registry: Path, content: Callable[[], bytes], message: str
) -> None:
    file = written(registry / "bad.pem", content())

    with pytest.raises(OperatorError, match=rf"bad\.pem: {message}.*Fix: openssl"):
        sign(registry, "line", "1", key_file=file)


def test_a_key_that_others_may_read_is_refused(registry: Path, key_file: Path) -> None:
    key_file.chmod(0o640)

    with pytest.raises(OperatorError, match=r"others may read this key. Fix: chmod 600"):
        sign(registry, "line", "1", key_file=key_file)


def test_a_key_that_is_not_there_is_named(registry: Path) -> None:
    with pytest.raises(OperatorError, match=r"none\.pem: no such file or directory"):
        sign(registry, "line", "1", key_file=registry / "none.pem")


def test_no_message_holds_a_part_of_the_key(registry: Path) -> None:
    content = private_pem(Ed25519PrivateKey.generate())
    file = written(registry / "cut.pem", content.replace(b"-----END", b"----END"))

    with pytest.raises(OperatorError) as refusal:
        sign(registry, "line", "1", key_file=file)

    assert content.splitlines()[1].decode() not in str(refusal.value)
