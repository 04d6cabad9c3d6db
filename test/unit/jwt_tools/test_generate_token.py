from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from app import create_app
from app.settings.overlay import load
from jwt_tools.generate_token import main
from test.builders import ROW, a_promoted_model, bearer

pytestmark = pytest.mark.usefixtures("root")
Said = pytest.CaptureFixture[str]
KEY = "5f0c2b7e9d3a41866cb9e07f12d8a34b"


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture
def make(capsys: Said) -> Any:
    """Make a token as the command line does: its claims."""

    def make(*arguments: str) -> dict[str, Any]:
        assert main(arguments) == 0
        return claims_of(capsys.readouterr().out.strip())

    return make


def status_of_a_call(token: str) -> int:
    """Ask the gateway that finds the same settings as the command line."""
    settings = load(os.environ)
    a_promoted_model(settings)
    client = create_app(settings).test_client()
    answer = client.post("/api/v1/predict", json={"data": [ROW]}, headers=bearer(token))
    return answer.status_code


def test_standard_output_is_the_token_alone(capsys: Said) -> None:
    assert main([]) == 0

    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", capsys.readouterr().out)


def test_standard_error_says_who_what_and_until_when(capsys: Said) -> None:
    main(["--sub", "alice", "--role", "user"])

    said = capsys.readouterr()
    until = datetime.fromtimestamp(claims_of(said.out.strip())["exp"], UTC).isoformat()
    assert said.err == f"dev token for 'alice' with role 'user', good until {until}\n"


def test_by_default_a_developer_is_admin_for_an_hour(make: Any) -> None:
    claims = make()

    assert (claims["sub"], claims["roles"]) == ("developer", ["admin"])
    assert claims["exp"] - claims["iat"] == 3600


def test_subject_role_and_minutes_can_be_told(make: Any) -> None:
    claims = make("--sub", "alice", "--role", "user", "--minutes", "5")

    assert (claims["sub"], claims["roles"]) == ("alice", ["user"])
    assert claims["exp"] - claims["iat"] == 300


def test_the_token_begins_now(make: Any) -> None:
    begin = datetime.fromtimestamp(make()["iat"], UTC)

    assert abs(datetime.now(UTC) - begin) < timedelta(seconds=30)


def test_every_token_has_its_own_id(make: Any) -> None:
    assert make()["jti"] != make()["jti"]


def test_the_lifetime_of_the_settings_is_used(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_SECURITY__TOKEN_EXPIRE_MINUTES", "525600")

    claims = make()

    assert claims["exp"] - claims["iat"] == 525_600 * 60


def test_without_issuer_and_audience_there_are_no_such_claims(make: Any) -> None:
    assert make().keys() == {"sub", "roles", "iat", "exp", "jti"}


def test_issuer_and_audience_of_the_settings_are_claimed(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_SECURITY__ISSUER", "https://issuer.example.org")
    monkeypatch.setenv("GATEHOUSE_SECURITY__AUDIENCE", "gatehouse")

    claims = make()

    assert (claims["iss"], claims["aud"]) == ("https://issuer.example.org", "gatehouse")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"JWT_SECRET": KEY},
        {"JWT_SECRET": KEY, "APP_ENV": "prod"},
        {"JWT_SECRET": KEY * 2, "GATEHOUSE_SECURITY__JWT_ALGORITHM": "HS512"},
        {"GATEHOUSE_SECURITY__ISSUER": "me", "GATEHOUSE_SECURITY__AUDIENCE": "you"},
    ],
)
def test_the_gateway_takes_the_token(
    capsys: Said, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    main([])

    assert status_of_a_call(capsys.readouterr().out.strip()) == 200


def test_a_role_that_may_not_call_is_noted_and_refused(capsys: Said) -> None:
    main(["--role", "guest"])

    said = capsys.readouterr()
    assert said.err.splitlines()[1:] == ["note: allowed_roles does not name role 'guest': 403"]
    assert status_of_a_call(said.out.strip()) == 403


def test_several_roles_and_a_scope_can_be_told(capsys: Said) -> None:
    main(["--role", "user", "--role", "analyst", "--scope", "read batch"])

    said = capsys.readouterr()
    claims = claims_of(said.out.strip())
    assert (claims["roles"], claims["scope"]) == (["user", "analyst"], "read batch")
    assert "with role 'user', role 'analyst', scope 'read batch', good until" in said.err


def test_a_scope_alone_makes_nobody_an_administrator(make: Any) -> None:
    assert make("--scope", "read")["roles"] == []


def test_a_scope_that_no_grant_names_is_noted(root: Path, capsys: Said) -> None:
    grants = "grants: [{scopes: [read], actions: [read]}]"
    (root / "config.yaml").write_text(f"{grants}\nmodel: {{retries: 0}}\n")

    for scope in ("read", "write"):
        main(["--scope", scope])

    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert notes == ["note: no grant names scope 'write': 403"]


def test_a_token_does_not_outlive_what_the_gateway_takes(
    make: Any, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_SECURITY__MAX_TOKEN_MINUTES", "15")

    claims = make()

    assert claims["exp"] - claims["iat"] == 15 * 60
    assert main(["--minutes", "16"]) == 2
    assert "longer than security.max_token_minutes = 15" in capsys.readouterr().err


def test_another_environments_secret_makes_another_token(root: Path, capsys: Said) -> None:
    text = f"model: {{model_path: model/staging/model.joblib}}\nsecurity: {{jwt_secret: {KEY}}}\n"
    (root / "configs/staging.yaml").write_text(text)

    main(["--env", "staging"])

    said = capsys.readouterr()
    jwt.decode(said.out.strip(), KEY, algorithms=["HS256"])
    assert said.err.startswith("staging token for")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"APP_ENV": "prod"}, "security.jwt_secret: is missing"),
        ({"APP_ENV": "staging"}, "security.jwt_secret: is missing"),
        ({"APP_ENV": "prod", "JWT_SECRET": "short"}, "is shorter than the 32 bytes of HS256"),
        ({"APP_ENV": "prod", "JWT_SECRET": "change-me-" * 5}, "is known or easy to guess"),
        ({"APP_ENV": "nowhere"}, "APP_ENV = 'nowhere' is no environment"),
        ({"GATEHOUSE_SECURITY__JWT_ALGORITHM": "none"}, "jwt_algorithm = 'none'"),
        ({"PORT": "0"}, "server.port = '0'"),
    ],
)
def test_where_the_gateway_would_not_start_there_is_no_token(
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    message: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert main([]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minutes", "0"], "from 1 to 525600, a year"),
        (["--minutes", "-5"], "from 1 to 525600, a year"),
        (["--minutes", "525601"], "from 1 to 525600, a year"),
        (["--minutes", "soon"], "invalid _minutes value: 'soon'"),
        (["--minutes", "1.5"], "invalid _minutes value: '1.5'"),
        (["--sub", ""], "names nobody; the gateway would refuse the token"),
        (["--env", "production"], "invalid choice: 'production'"),
    ],
)
def test_arguments_that_make_no_token_are_refused(
    capsys: Said, arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert message in said.err
