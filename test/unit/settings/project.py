"""A folder with ``config.yaml`` and its overlays, and what the settings say about it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings.overlay import load
from app.settings.schema import Settings

GOOD_SECRET = "5f0c2b7e9d3a41866cb9e07f12d8a34b"


@dataclass(frozen=True)
class Project:
    """An empty base and three empty overlays, until a test writes something into one."""

    root: Path

    def write(self, text: str, file: str = "config.yaml") -> Project:
        (self.root / file).write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def load(self, **environ: str) -> Settings:
        return load({"CONFIG_PATH": str(self.root / "config.yaml")} | environ)

    def error(self, **environ: str) -> SettingsError:
        with pytest.raises(SettingsError) as refused:
            self.load(**environ)
        return refused.value

    def refusal(self, **environ: str) -> str:
        return str(self.error(**environ))


def an_empty_project(root: Path) -> Project:
    (root / "configs").mkdir(parents=True)
    for file in ("config.yaml", "configs/dev.yaml", "configs/staging.yaml", "configs/prod.yaml"):
        (root / file).touch()
    return Project(root)
