from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path

import pytest

from app.domain.access import Principal
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring import revocations
from jwt_tools.revoke_token import main
from test.builders import a_token


@pytest.fixture
def settings(root: Path) -> Settings:
    assert root
    return load(os.environ)


def covered(settings: Settings, **claims: object) -> bool:
    who = {"subject": "alice", "roles": frozenset({"user"}), "issued_at": time.time() - 10}
    return revocations(settings).covers(Principal(**(who | claims)))  # type: ignore[arg-type]


def test_a_token_is_revoked_by_what_stands_in_it(settings: Settings) -> None:
    assert main(["--token", a_token(jti="one")]) == 0

    assert covered(settings, token_id="one")
    assert not covered(settings, token_id="two")


def test_a_token_is_read_from_standard_input(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(a_token(jti="one") + "\n"))

    assert main(["--token", "-"]) == 0
    assert covered(settings, token_id="one")


def test_a_subject_is_revoked(settings: Settings) -> None:
    assert main(["--subject", "alice"]) == 0

    assert covered(settings)
    assert not covered(settings, subject="bob")


def test_everyone_is_revoked(settings: Settings) -> None:
    assert main(["--everyone"]) == 0

    assert covered(settings, subject="bob")


@pytest.mark.usefixtures("root")
def test_what_is_revoked_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--jti", "one"])
    main(["--subject", "alice"])

    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert "token one; forgotten after 20" in shown
    assert "subject alice, issued until 20" in shown


@pytest.mark.parametrize(
    "sent",
    ["nonsense", a_token(), "a.b.c", "." * 70_000],
    ids=["word", "no id", "dots", "many dots"],
)
def test_a_token_that_tells_no_id_is_refused_with_one_line(
    settings: Settings, sent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--token", sent]) == 2

    said = capsys.readouterr().err
    assert said.startswith("error: the token cannot be read")
    assert said.count("\n") == 1
    assert not revocations(settings).all()


def test_a_store_that_cannot_be_used_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings.path(settings.runtime_path) / "revocations.lmdb").mkdir(parents=True)

    assert main(["--subject", "alice"]) == 2
    assert "limits.storage" in capsys.readouterr().err
