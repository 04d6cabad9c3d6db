"""Puts a registered version on a stage, so that the gateway of that stage serves it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.domain import manifest
from app.domain.compiled import COMPILED_FILES
from app.domain.contract import Contract
from app.errors import ModelRejectedError, RegistryError
from app.files import write_atomically
from app.lifecycle.registry import (
    ARTEFACT,
    MANIFEST,
    STAGES,
    Stored,
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
    of another name stands beside it in a folder of its own. The artefacts are replaced first and
    the contract last; a reader in between sees what does not belong together and looks again.

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
    try:
        with _one_at_a_time(models / stage):
            is_default = _default_name(models / stage) in {None, name}
            folder = models / stage if is_default else models / stage / name
            _place(folder, stored)
    except OSError as error:
        raise RegistryError(f"{models / stage}: cannot be written: {error.strerror}") from error
    return Promotion(stored.contract, folder / ARTEFACT, is_default)


@contextmanager
def _one_at_a_time(stage: Path) -> Iterator[None]:
    """Make a second promotion onto *stage* wait: interleaved, two would leave a mixed pair."""
    stage.mkdir(parents=True, exist_ok=True)
    handle = os.open(stage, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _default_name(stage: Path) -> str | None:
    """Return the name of the model that lies on *stage* itself; None when that place is free.

    The contract alone says so: a damaged artefact beside it gives its place to nobody else.
    """
    try:
        return manifest.read((stage / MANIFEST).read_bytes()).name
    except (OSError, ModelRejectedError):
        return None


def _place(folder: Path, stored: Stored) -> None:
    """Write all files aside, so that only quick renames lie between the old and the new.

    The manifest goes over byte by byte: a signature covers what was written, not what we know.
    """
    aside = folder / ".new"
    files = {ARTEFACT: stored.payload, **stored.compiled, MANIFEST: stored.document}
    for name, content in files.items():
        write_atomically(aside / name, content)
    for name in files:
        (aside / name).replace(folder / name)
    for name in set(COMPILED_FILES.values()) - set(files):
        (folder / name).unlink(missing_ok=True)  # of the version before
    shutil.rmtree(aside, ignore_errors=True)  # a killed promotion may have left more in it
