from __future__ import annotations

import json
from hashlib import sha256

import pytest

from app.domain import manifest
from app.domain.contract import Artefact, Signature
from app.errors import ModelRejectedError
from test.builders import a_contract

CONTRACT = a_contract()
DOCUMENT = CONTRACT.model_dump_json(indent=2).encode()
SIGNATURE = Signature(key="0" * 16, value="A" * 86 + "==")


def test_a_manifest_is_read() -> None:
    assert manifest.read(DOCUMENT) == CONTRACT


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 5_000, "is no JSON"),
        (b'{"name": NaN}', "is no JSON"),
        (b"[]", "is no JSON object"),
        (b"{}", "name: Field required"),
        (b'{"name": "Line"}', "name: String should match"),
    ],
)
def test_what_is_no_manifest_is_refused_and_says_why(document: bytes, message: str) -> None:
    with pytest.raises(ModelRejectedError, match=message):
        manifest.read(document)


def test_white_space_and_order_change_nothing_that_is_signed() -> None:
    members = dict(reversed(json.loads(DOCUMENT).items()))

    again = json.dumps(members, indent=7).encode()

    assert manifest.signed_bytes(again) == manifest.signed_bytes(DOCUMENT)


def test_a_signature_does_not_sign_itself() -> None:
    signed = manifest.with_signature(DOCUMENT, SIGNATURE)

    assert manifest.signed_bytes(signed) == manifest.signed_bytes(DOCUMENT)
    assert manifest.read(signed) == CONTRACT.model_copy(update={"signature": SIGNATURE})


def test_each_member_is_signed_even_one_that_this_version_does_not_know() -> None:
    members = json.loads(DOCUMENT)
    signed = {manifest.signed_bytes(DOCUMENT)}

    for name in (*(name for name in members if name != "signature"), "unknown"):
        signed.add(manifest.signed_bytes(json.dumps(members | {name: "other"}).encode()))

    assert len(signed) == len(members) + 1


def test_a_name_that_stands_there_twice_has_one_meaning_for_both_readers() -> None:
    twice = b'{"name": "other",' + DOCUMENT.lstrip()[1:]

    assert manifest.read(twice).name == "line"
    assert b'"name":"line"' in manifest.signed_bytes(twice)


def test_a_key_is_named_after_its_bytes() -> None:
    assert manifest.key_id(b"key") == sha256(b"key").hexdigest()[:16]


@pytest.mark.parametrize(
    ("payload", "message"), [(b"other", "SHA-256"), (b"mode", "4 bytes, its contract says 5")]
)
def test_bytes_that_are_others_are_refused(payload: bytes, message: str) -> None:
    artefact = Artefact(size_bytes=5, sha256=sha256(b"model").hexdigest())

    manifest.check_bytes(b"model", artefact)
    with pytest.raises(ModelRejectedError, match=message):
        manifest.check_bytes(payload, artefact)
