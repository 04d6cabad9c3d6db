"""What can happen to promoted files, and what the gateway says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.settings.schema import Settings
from test.builders import a_promoted_model, a_regression_table

GOOD, OTHER = "good", "other"


@dataclass(frozen=True, slots=True)
class Damage:
    """``do`` it to a promoted ``model.joblib``; ``said`` is part of the message."""

    do: Callable[[Path], None]
    said: str


def two_models(settings: Settings) -> Path:
    """Register two models and promote the first; return its promoted file."""
    a_promoted_model(settings, name=GOOD)
    a_promoted_model(settings, a_regression_table(slope=3.0), name=OTHER)
    return settings.path(settings.model.model_path)


def _corrupt(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def _swap(file: Path) -> None:
    registry = file.parents[1] / "registry"
    file.write_bytes((registry / OTHER / "1" / "model.joblib").read_bytes())


def _spoil_contract(file: Path) -> None:
    file.with_name("manifest.json").write_text('{"name": "good", ')


def _remove_contract(file: Path) -> None:
    file.with_name("manifest.json").unlink()


DAMAGE = {
    "corrupted": Damage(_corrupt, "the file's SHA-256 is "),
    "truncated": Damage(_truncate, "the file has 100 bytes, its contract says "),
    "swapped": Damage(_swap, "its contract says "),
    "removed": Damage(Path.unlink, "there is no such file"),
    "contract spoilt": Damage(_spoil_contract, "manifest.json: "),
}
DAMAGE_WHILE_SERVING = DAMAGE | {
    "contract removed": Damage(_remove_contract, "there is no manifest.json"),
}
