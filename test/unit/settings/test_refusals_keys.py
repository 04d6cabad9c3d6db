from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from test.key_pairs import a_jwk, a_jwks, private_key, public_pem, write_private, write_public
from test.unit.settings.project import GOOD_SECRET, Project

FIX_PEM = "Fix: a folder of <kid>.pem files with public keys; jwt_tools/make_keys.py makes one."
FIX_JWKS = "Fix: the file or the https:// address of a JWK Set."


SHORT = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)  # noqa: S505  on purpose


def refused(project: Project, **security: str) -> str:
    """The one fault of settings that are good in every other way."""
    project.write(f"security: {json.dumps(security)}")
    _, fault = project.refusal(APP_ENV="prod", JWT_SECRET=GOOD_SECRET).split("\n")
    return fault.strip()


def test_a_folder_of_public_keys_stands_in_for_the_secret(project: Project) -> None:
    write_public(project.root / "keys", "k")

    settings = project.write("security: {keys_path: keys}").load(APP_ENV="prod")

    assert settings.security.jwt_secret is None


def test_keys_that_are_nowhere_are_refused(project: Project) -> None:
    folder = project.root / "keys"

    assert refused(project, keys_path="keys") == (
        f"config.yaml: security.keys_path = 'keys': {folder}: no such file or directory. {FIX_PEM}"
    )


def test_a_folder_without_a_key_is_refused(project: Project) -> None:
    (project.root / "keys").mkdir()
    (project.root / "keys" / "README").touch()

    assert "holds no .pem file with a public key" in refused(project, keys_path="keys")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no public key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is no public key"),
        (
            public_pem(SHORT.public_key()),
            "is an RSA key of 1024 bits, not of 2048 to 8192",
        ),
    ],
    ids=["empty", "broken", "short"],
)
@pytest.mark.parametrize("place", ["keys", "keys/a.pem"])
def test_a_file_that_is_no_good_key_is_named(
    project: Project, content: bytes, problem: str, place: str
) -> None:
    write_public(project.root / "keys", "b")
    file = project.root / "keys" / "a.pem"
    file.write_bytes(content)

    assert f"{file}: {problem}" in refused(project, keys_path=place)


@pytest.mark.parametrize("name", ["k.private.pem", "k.pem"])
def test_a_private_key_that_others_may_read_is_refused(project: Project, name: str) -> None:
    write_public(project.root / "keys", "other")
    file = write_private(project.root / "keys", "k").rename(project.root / "keys" / name)
    file.chmod(0o640)

    fault = refused(project, keys_path="keys")

    assert f"{file}: others may read this private key; chmod 600 it." in fault
    assert "BEGIN" not in fault


def test_a_public_key_for_a_secret_is_refused(project: Project) -> None:
    pem = public_pem(private_key("RS256").public_key()).decode()

    fault = project.refusal(JWT_SECRET=pem)

    assert "security.jwt_secret = ***: is a key in PEM. Fix: 32 random bytes" in fault


@pytest.mark.parametrize(
    "address",
    [
        "https://issuer.example.org/.well-known/jwks.json",
        "https://[2001:db8::1]:8443/jwks",
        "http://127.0.0.1:8080/jwks",
        "http://localhost/jwks",
        "http://[::1]/jwks",
    ],
)
def test_an_address_over_tls_or_on_this_machine_is_taken(project: Project, address: str) -> None:
    settings = project.write(f"security: {{jwks: '{address}'}}").load(APP_ENV="prod")

    assert settings.security.jwks == address


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("http://issuer.example.org/jwks", "is not https"),
        ("http://127.0.0.1.example.org/jwks", "is not https"),
        ("ftp://issuer.example.org/jwks", "is not https"),
        ("file:///etc/passwd", "is no address"),
        ("https://", "is no address"),
        ("https://[::1/jwks", "is no address"),
        ("https://issuer.example.org:port/", "is no address"),
        ("https://issuer.example.org/a b", "is no address"),
    ],
)
def test_another_address_is_refused(project: Project, address: str, problem: str) -> None:
    assert refused(project, jwks=address) == (
        f"config.yaml: security.jwks = {address!r}: {problem}. "
        "Fix: an https:// address, or the path of a file."
    )


def test_an_address_with_a_password_is_refused_without_showing_it(project: Project) -> None:
    fault = refused(project, jwks="https://me:hunter2@issuer.example.org/jwks")

    assert "jwks holds a user name or a password" in fault
    assert "hunter2" not in fault


def test_a_jwks_file_that_is_nowhere_is_refused(project: Project) -> None:
    assert refused(project, jwks="jwks.json") == (
        f"config.yaml: security.jwks = 'jwks.json': {project.root / 'jwks.json'}: "
        f"no such file or directory. {FIX_JWKS}"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is no JSON in UTF-8"),
        (b"{}", "has no list of 'keys'"),
        (a_jwks(), "holds no key that verifies tokens: it is empty"),
        (a_jwks({"kty": "oct", "k": "hunter2"}), "key 0 is secret or private"),
        (a_jwks(a_jwk("k", use="enc")), "key 0 is not for signatures"),
    ],
    ids=["broken", "other", "empty", "secret", "encryption"],
)
def test_a_jwks_file_without_a_key_is_refused(
    project: Project, content: bytes, problem: str
) -> None:
    file: Path = project.root / "jwks.json"
    file.write_bytes(content)

    fault = refused(project, jwks="jwks.json")

    assert f"{file}: " in fault
    assert problem in fault
    assert "hunter2" not in fault
