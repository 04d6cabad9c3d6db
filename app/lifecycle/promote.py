"""Puts a registered version on a stage, so that the gateway of that stage serves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.domain.contract import Contract
from app.errors import RegistryError
from app.files import write_atomically
from app.lifecycle.registry import (
    ARTEFACT,
    MANIFEST,
    STAGES,
    Stored,
    read_folder,
    read_version,
    versions,
)


@dataclass(frozen=True, slots=True)
class Promotion:
    """What was promoted, and whether it is the stage's default model."""

    contract: Contract
    path: Path
    is_default: bool


def promote(
    models: Path, registry: Path, name: str, version: str | None = None, *, stage: str
) -> Promotion:
    """Copy a version from the registry onto *stage*; an older version is a roll-back.

    The first model on a stage is its default, and so is every version of the same name; a model
    of another name stands beside it in a folder of its own. The artefact is replaced first and
    the contract last; a reader in between sees two that do not belong together and looks again.

    Args:
        models: the folder of the stages.
        registry: the folder of the versions.
        name: a registered model.
        version: its version; None for the newest.
        stage: dev, staging or production.

    Raises:
        RegistryError: there is no such stage or version, or it is damaged.
    """
    if stage not in STAGES:
        raise RegistryError(f"{stage!r} is no stage; there is: {', '.join(STAGES)}")
    if version is None:
        version = str(max(versions(registry, name), default="?"))
    stored = read_version(registry, name, version)
    default = _default_name(models / stage)
    is_default = default in {None, name}
    folder = models / stage if is_default else models / stage / name
    try:
        _place(folder, stored)
    except OSError as error:
        raise RegistryError(f"{folder}: cannot be written: {error.strerror}") from error
    return Promotion(stored.contract, folder / ARTEFACT, is_default)


def _default_name(stage: Path) -> str | None:
    """Return the name of the model that lies on *stage* itself; None when that place is free."""
    try:
        return read_folder(stage).contract.name
    except RegistryError:
        return None


def _place(folder: Path, stored: Stored) -> None:
    write_atomically(folder / ARTEFACT, stored.payload)
    write_atomically(folder / MANIFEST, stored.contract.model_dump_json(indent=2).encode())
