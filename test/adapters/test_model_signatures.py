"""Whose word counts for a model, at start, while it serves and for the last good version."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from app.domain.contract import Contract
from app.errors import ModelNotReadyError, ModelRejectedError, SettingsError
from app.lifecycle.promote import promote
from app.lifecycle.registry import STAGES_FOLDER
from app.lifecycle.sign import sign
from app.settings.schema import Settings
from app.wiring import build_services, check_model
from test.adapters.test_served_models import a_bare_file, artefact, corrupt, watched
from test.builders import a_promoted_model, a_regression_table, some_settings
from test.model_keys import a_key, private_pem, public_pem, written


@pytest.fixture
def signing(tmp_path: Path) -> Settings:
    return trusting(tmp_path, "trainer")


def trusting(root: Path, *owners: str) -> Settings:
    """Settings that trust these keys."""
    files = [written(root / f"{owner}.pem", public_pem(a_key(owner))).name for owner in owners]
    return some_settings(root, security={"model_keys": files})


def signed(settings: Settings, owner: str = "trainer", *, slope: float = 2.0) -> Contract:
    """A version that *owner* has signed, promoted."""
    registry = settings.path(settings.model.registry_path)
    contract = a_promoted_model(settings, a_regression_table(slope=slope))
    key_file = written(settings.root / f"{owner}.private.pem", private_pem(a_key(owner)))
    sign(registry, contract.name, contract.version, key_file=key_file)
    promote(settings.path(STAGES_FOLDER), registry, "line", stage=settings.stage)
    return contract


def manifest_of(settings: Settings) -> Path:
    return artefact(settings).parent / "manifest.json"


def changed(settings: Settings, change: Callable[[dict[str, Any]], object]) -> None:
    members = json.loads(manifest_of(settings).read_bytes())
    change(members)
    manifest_of(settings).write_text(json.dumps(members))


def test_a_signed_model_is_served(signing: Settings) -> None:
    signed(signing)

    check_model(signing)

    assert build_services(signing).models.problem() is None


def test_each_of_several_keys_counts(tmp_path: Path) -> None:
    settings = trusting(tmp_path, "other", "trainer")
    signed(settings)

    check_model(settings)


def test_without_keys_in_the_settings_a_signature_is_not_looked_at(settings: Settings) -> None:
    signed(settings, "stranger")

    check_model(settings)


def test_an_unsigned_model_is_refused_with_a_fix(signing: Settings) -> None:
    a_promoted_model(signing)

    with pytest.raises(ModelRejectedError, match=r"is not signed\. Fix: scripts/sign_model\.py"):
        check_model(signing)


def test_a_model_that_a_stranger_signed_is_refused(signing: Settings) -> None:
    signed(signing, "stranger")

    with pytest.raises(
        ModelRejectedError, match=r"is signed by key \w{16}, .*model_keys has \w{16}"
    ):
        check_model(signing)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "the digest": lambda it: it["artefact"].update(sha256="0" * 64),
    "an engine's digest": lambda it: it["compiled"][0].update(sha256="0" * 64),
    "an engine's comparison": lambda it: it["compiled"][0]["parity"].update(rows=9),
    "the version": lambda it: it.update(version="9"),
    "a bound": lambda it: it["features"][0].update(maximum=1e9),
    "a golden row": lambda it: it["golden"]["predictions"].pop(),
    "the signature": lambda it: it["signature"].update(value="A" * 86 + "=="),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_manifest_that_was_changed_after_it_was_signed_is_refused(
    signing: Settings, change: Callable[[dict[str, Any]], object]
) -> None:
    signed(signing)
    changed(signing, change)

    with pytest.raises(ModelRejectedError, match=r"was changed after key|golden: "):
        check_model(signing)


def test_white_space_in_a_manifest_does_no_harm(signing: Settings) -> None:
    signed(signing)
    changed(signing, lambda it: it.update(dict(reversed(it.items()))))

    check_model(signing)


def test_a_promotion_carries_the_manifest_byte_by_byte(signing: Settings) -> None:
    signed(signing)
    registered = signing.path(signing.model.registry_path) / "line/1/manifest.json"
    registered.write_bytes(b"\n  " + registered.read_bytes().replace(b'"b"', b'"\\u0062"'))

    promote(signing.path(STAGES_FOLDER), registered.parents[2], "line", stage=signing.stage)

    assert manifest_of(signing).read_bytes() == registered.read_bytes()
    check_model(signing)


def test_a_swapped_artefact_is_refused_though_its_manifest_is_signed(signing: Settings) -> None:
    signed(signing)
    corrupt(artefact(signing))

    with pytest.raises(ModelRejectedError, match="SHA-256"):
        check_model(signing)


def test_a_bare_file_is_refused_even_by_its_digest(signing: Settings) -> None:
    digest = sha256(a_bare_file(signing)).hexdigest()
    files = list(signing.security.model_keys)
    with_digest = some_settings(
        signing.root, security={"model_keys": files}, model={"sha256": digest}
    )

    with pytest.raises(ModelRejectedError, match=r"security\.model_keys asks for a signed one"):
        check_model(with_digest)


def test_an_unsigned_promotion_leaves_the_signed_version_serving(signing: Settings) -> None:
    contract = signed(signing)
    models = watched(signing)
    models.current()

    a_promoted_model(signing, a_regression_table(slope=5.0))
    models.refresh()

    assert models.current().contract.version == contract.version
    problem = models.problem()
    assert problem is not None
    assert "is not signed" in problem


def test_the_kept_copy_is_signed_as_well(signing: Settings) -> None:
    contract = signed(signing)
    check_model(signing)
    corrupt(artefact(signing))

    assert build_services(signing).models.current().contract.version == contract.version


@pytest.mark.parametrize("owner", ["trainer", "stranger"])
def test_a_kept_copy_is_not_trusted_for_lying_there(
    tmp_path: Path, settings: Settings, owner: str
) -> None:
    if owner == "stranger":
        signed(settings, owner)
    else:
        a_promoted_model(settings)
    check_model(settings)
    corrupt(artefact(settings))

    with pytest.raises(ModelNotReadyError):
        build_services(trusting(tmp_path, "trainer")).models.current()


def test_a_signature_that_comes_later_replaces_the_kept_manifest(signing: Settings) -> None:
    a_promoted_model(some_settings(signing.root))
    check_model(some_settings(signing.root))
    key_file = written(signing.root / "private.pem", private_pem(a_key("trainer")))
    registry = signing.path(signing.model.registry_path)
    sign(registry, "line", "1", key_file=key_file)
    promote(signing.path(STAGES_FOLDER), registry, "line", stage=signing.stage)
    check_model(signing)
    corrupt(artefact(signing))

    assert build_services(signing).models.current().contract.version == "1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file or directory"),
        (b"", "is no public key in PEM"),
        (private_pem(a_key("trainer")), "is no public key in PEM"),
        (
            public_pem(generate_private_key(public_exponent=65_537, key_size=2_048)),
            "is a public key of another kind than Ed25519",
        ),
    ],
    ids=["missing", "empty", "private", "RSA"],
)
def test_a_key_that_is_none_stops_the_start_with_a_fix(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        written(tmp_path / "key.pem", content)
    settings = some_settings(tmp_path, security={"model_keys": ["key.pem"]})
    a_promoted_model(settings)

    with pytest.raises(
        SettingsError, match=rf"security\.model_keys: .*key\.pem: {message}\. Fix: openssl pkey"
    ):
        check_model(settings)
