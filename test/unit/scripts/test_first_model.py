from __future__ import annotations

from pathlib import Path

import pytest

from app.lifecycle.registry import read_folder, versions
from scripts.first_model import main


@pytest.mark.parametrize(("environment", "stage"), [("dev", "dev"), ("prod", "production")])
def test_the_default_model_is_trained_and_promoted(
    root: Path, monkeypatch: pytest.MonkeyPatch, environment: str, stage: str
) -> None:
    monkeypatch.setenv("APP_ENV", environment)
    monkeypatch.setenv("JWT_SECRET", "5f0c2b7e9d3a41866cb9e07f12d8a34b")

    assert main() == 0

    assert read_folder(root / "model" / stage).contract.name == "diabetes"


def test_a_promoted_model_is_left_alone(root: Path) -> None:
    (root / "model/dev").mkdir(parents=True)
    (root / "model/dev/model.joblib").write_bytes(b"the user's own")

    assert main() == 0

    assert (root / "model/dev/model.joblib").read_bytes() == b"the user's own"
    assert versions(root / "model/registry", "diabetes") == []


def test_a_path_of_ones_own_is_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_MODEL__MODEL_PATH", "mine/churn.joblib")

    assert main() == 0

    assert not (root / "model").exists()


def test_wrong_settings_are_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "config.yaml").write_text("[]")

    assert main() == 2
    assert capsys.readouterr().err.startswith("error: config.yaml: holds no keys")


@pytest.mark.usefixtures("root")
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "many")

    assert main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "environment PORT: server.port = 'many'" in said.err
