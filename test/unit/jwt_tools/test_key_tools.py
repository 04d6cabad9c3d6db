"""The life of a pair of keys: made, used, rotated, published, retired."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient

from app import create_app
from app.settings.keys import read_jwks
from app.settings.overlay import load
from jwt_tools import generate_token, make_keys, print_jwks, rotate_keys
from test.builders import ROW, a_promoted_model, a_token, bearer
from test.key_pairs import ALGORITHMS, public_key, write_private, write_public
from test.unit.scripts.process import run_module, run_script

Said = pytest.CaptureFixture[str]
KEYS_PATH = "GATEHOUSE_SECURITY__KEYS_PATH"


@pytest.fixture
def keys(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the settings name."""
    monkeypatch.setenv(KEYS_PATH, "keys")
    monkeypatch.setenv("GATEHOUSE_AUDIT__MODE", "off")
    return root / "keys"


def token(capsys: Said) -> str:
    capsys.readouterr()
    assert generate_token.main([]) == 0
    return capsys.readouterr().out.strip()


def kids(folder: Path) -> list[str]:
    return sorted(file.name.removesuffix(".private.pem") for file in folder.glob("*.private.pem"))


def gateway() -> FlaskClient:
    settings = load()
    a_promoted_model(settings)
    return create_app(settings).test_client()


def status(client: FlaskClient, sent: str) -> int:
    body = {"data": [ROW]}
    return client.post("/api/v1/predict", json=body, headers=bearer(sent)).status_code


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_pair_signs_what_the_gateway_takes(keys: Path, capsys: Said, algorithm: str) -> None:
    assert make_keys.main(["--algorithm", algorithm]) == 0
    (kid,) = kids(keys)

    made = token(capsys)

    assert jwt.get_unverified_header(made) == {"alg": algorithm, "kid": kid, "typ": "JWT"}
    client = gateway()
    assert status(client, made) == 200
    assert status(client, a_token()) == 401


def test_a_pair_is_named_by_time_and_thumbprint_and_only_its_owner_reads_the_private_half(
    keys: Path, capsys: Said
) -> None:
    make_keys.main([])
    (kid,) = kids(keys)

    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[\w-]{8}", kid)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in keys.iterdir()}
    assert modes == {f"{kid}.pem": 0o644, f"{kid}.private.pem": 0o600}
    said = capsys.readouterr().out
    assert f"security.keys_path: {keys}" in said
    assert "BEGIN" not in said


@pytest.mark.parametrize("tool", [make_keys, rotate_keys])
def test_a_folder_that_cannot_be_written_is_named(keys: Path, capsys: Said, tool: Any) -> None:
    keys.write_text("in the way")

    assert tool.main([]) == 2
    assert "error: --folder keys: " in capsys.readouterr().err


def test_after_a_rotation_two_keys_hold_and_the_new_one_signs(keys: Path, capsys: Said) -> None:
    make_keys.main(["--algorithm", "ES256"])
    before = token(capsys)
    assert rotate_keys.main([]) == 0
    said = capsys.readouterr().out

    after = token(capsys)

    old, new = kids(keys)
    assert [jwt.get_unverified_header(each)["kid"] for each in (before, after)] == [old, new]
    assert said == f"valid    {old}  ES256\nvalid    {new}  ES256  signs new tokens\n"
    client = gateway()
    assert [status(client, each) for each in (before, after)] == [200, 200]


@pytest.mark.usefixtures("keys")
def test_a_rotation_can_change_the_algorithm(capsys: Said) -> None:
    make_keys.main(["--algorithm", "RS256"])
    rotate_keys.main(["--algorithm", "EdDSA"])

    assert jwt.get_unverified_header(token(capsys))["alg"] == "EdDSA"


def test_retiring_ends_the_tokens_of_all_pairs_but_the_newest(keys: Path, capsys: Said) -> None:
    make_keys.main([])
    before = token(capsys)
    rotate_keys.main([])
    rotate_keys.main([])
    write_public(keys, "partner")
    newest = kids(keys)[-1]
    after = token(capsys)

    assert rotate_keys.main(["--retire"]) == 0

    said = capsys.readouterr().out
    assert said.count("retired ") == 2
    assert f"valid    {newest}  EdDSA  signs new tokens\nvalid    partner  EdDSA\n" in said
    assert {file.name.split(".p")[0] for file in keys.iterdir()} == {newest, "partner"}
    client = gateway()
    assert [status(client, each) for each in (before, after)] == [401, 200]


def test_one_key_can_be_retired_by_its_name(keys: Path, capsys: Said) -> None:
    make_keys.main([])
    rotate_keys.main([])
    old, new = kids(keys)

    assert rotate_keys.main(["--retire", new]) == 0

    assert kids(keys) == [old]
    assert f"valid    {old}  EdDSA  signs new tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kid", "problem"), [("nobody", "there is no such key"), (None, "no other key signs")]
)
def test_what_would_leave_nothing_is_not_retired(
    keys: Path, capsys: Said, kid: str | None, problem: str
) -> None:
    make_keys.main([])
    (only,) = kids(keys)

    assert rotate_keys.main(["--retire", kid or only]) == 2

    assert problem in capsys.readouterr().err
    assert kids(keys) == [only]


def test_without_a_pair_there_is_nothing_to_rotate(keys: Path, capsys: Said) -> None:
    write_public(keys, "partner")

    assert rotate_keys.main([]) == 2
    assert "holds no pair of keys. Fix: make_keys.py first." in capsys.readouterr().err


def test_the_jwks_holds_the_public_halves_and_nothing_else(keys: Path, capsys: Said) -> None:
    for algorithm in ALGORITHMS:
        write_public(keys, algorithm, algorithm)
        write_private(keys, algorithm, algorithm)

    assert print_jwks.main([]) == 0

    said = capsys.readouterr().out
    members = {"kid", "use", "alg", "kty", "crv", "x", "y", "n", "e"}
    assert all(set(key) <= members for key in json.loads(said)["keys"])
    found = read_jwks(said.encode())
    assert list(found.keys) == [public_key(each, each) for each in sorted(ALGORITHMS)]


@pytest.mark.usefixtures("keys")
def test_a_folder_without_keys_makes_no_jwks(capsys: Said) -> None:
    assert print_jwks.main([]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert "error: --folder keys: no such file or directory. Fix:" in said.err


def test_the_gateway_takes_tokens_by_the_jwks_of_a_folder(
    keys: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_keys.main([])
    capsys.readouterr()
    print_jwks.main([])
    (keys.parent / "jwks.json").write_text(capsys.readouterr().out)
    made = token(capsys)
    monkeypatch.delenv(KEYS_PATH)
    monkeypatch.setenv("GATEHOUSE_SECURITY__JWKS", "jwks.json")

    assert status(gateway(), made) == 200
    assert generate_token.main([]) == 2
    assert "there is nothing to sign with" in capsys.readouterr().err


def test_where_only_public_keys_lie_the_secret_signs(
    keys: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_public(keys, "partner")
    assert generate_token.main([]) == 2
    assert "there is nothing to sign with" in capsys.readouterr().err

    monkeypatch.setenv("JWT_SECRET", "5f0c2b7e9d3a41866cb9e07f12d8a34b")

    assert jwt.get_unverified_header(token(capsys)) == {"alg": "HS256", "typ": "JWT"}


def test_a_pair_that_does_not_belong_together_signs_nothing(keys: Path, capsys: Said) -> None:
    write_public(keys, "k")
    write_private(keys, "k", owner="stranger")

    assert generate_token.main([]) == 2
    said = capsys.readouterr()
    assert (said.out, "does not belong to k.pem" in said.err) == ("", True)


@pytest.mark.parametrize("name", ["make_keys", "rotate_keys", "print_jwks", "inspect_token"])
def test_a_tool_runs_by_path_and_as_a_module(tmp_path: Path, name: str) -> None:
    by_path = run_script(tmp_path, f"jwt_tools/{name}.py", "--help")
    as_module = run_module(tmp_path, f"jwt_tools.{name}", "--help")

    assert (by_path.returncode, as_module.returncode) == (0, 0)
    assert by_path.stdout == as_module.stdout.replace("python -m jwt_tools.", "")
