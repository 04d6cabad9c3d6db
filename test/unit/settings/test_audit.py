from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings.schema import Settings
from test.builders import some_settings


def settings(root: Path, audit: str) -> Settings:
    (root / "config.yaml").write_text(f"audit: {audit}\n")
    return some_settings(root)


def test_off_may_be_written_without_quotes(tmp_path: Path) -> None:
    assert settings(tmp_path, "{mode: off}").audit.mode == "off"


def test_on_is_no_mode(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"audit\.mode = True: .*background, strict or off"):
        settings(tmp_path, "{mode: on}")


@pytest.mark.parametrize("url", ["mysql://gate:hush@h/x", "sqlite:///x", "h/x"])
def test_only_postgresql_has_a_url_and_it_is_not_quoted(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, f"{{url: '{url}'}}")

    assert "audit.url = ***: is no PostgreSQL url. Fix: postgresql://" in str(refused.value)


def test_a_model_may_be_kept_otherwise_and_a_feature_too(tmp_path: Path) -> None:
    found = settings(tmp_path, "{models: {churn: {inputs: omitted, features: {age: hashed}}}}")

    assert found.audit.models["churn"].features == {"age": "hashed"}
