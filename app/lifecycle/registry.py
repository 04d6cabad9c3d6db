"""The model store on disk: immutable versions, and the stages that hold what is promoted.

``registry/<name>/<version>/{model.joblib, manifest.json}`` never changes once it is there, but for
the signature. A stage holds its default model at ``<stage>/`` and any other at ``<stage>/<name>/``.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.domain import manifest
from app.domain.contract import Contract
from app.errors import ModelRejectedError, RegistryError
from app.files import write_atomically

ARTEFACT: Final = "model.joblib"
MANIFEST: Final = "manifest.json"
STAGES_FOLDER: Final = Path("model")
STAGES: Final = ("dev", "staging", "production")
UNSTORED: Final = "1"  # version of a contract until ``add_version`` sets it
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A version in the registry: its contract, and the bytes of manifest and artefact."""

    contract: Contract
    document: bytes
    payload: bytes


def versions(registry: Path, name: str) -> list[int]:
    """Return the versions of *name*, oldest first."""
    folder = registry / checked_name(name)
    if not folder.is_dir():
        return []
    return sorted(int(f.name) for f in folder.iterdir() if _VERSION.fullmatch(f.name))


def add_version(registry: Path, payload: bytes, contract: Contract) -> tuple[Contract, Path]:
    """Store *payload* as the next version of its model; two at once get two versions.

    Args:
        registry: the registry's folder.
        payload: bytes of the artefact.
        contract: its contract, whose version is set here.

    Returns:
        The contract as stored, and the version's folder.
    """
    folder = registry / checked_name(contract.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            version = str(max(versions(registry, contract.name), default=0) + 1)
            numbered = contract.model_copy(update={"version": version})
            new = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
            new.chmod(0o755)
            write_atomically(new / ARTEFACT, payload)
            write_atomically(new / MANIFEST, numbered.model_dump_json(indent=2).encode())
            try:
                return numbered, new.rename(folder / version)
            except OSError:  # somebody else took this number
                shutil.rmtree(new)
                if not (folder / version).exists():
                    raise
    except OSError as error:
        raise RegistryError(f"{folder}: cannot be written: {error.strerror}") from error


def read_version(registry: Path, name: str, version: str) -> Stored:
    """Return a version whose artefact is the one that its contract names.

    Raises:
        RegistryError: there is no such version, or it was damaged.
    """
    known = versions(registry, name)
    if not _VERSION.fullmatch(version) or int(version) not in known:
        there = ", ".join(map(str, known)) or "none"
        raise RegistryError(f"{name} has no version {version!r}; there is: {there}")
    return read_folder(registry / name / version)


def read_folder(folder: Path) -> Stored:
    """Return what *folder* holds, checked.

    Raises:
        RegistryError: a file is missing, unreadable or not the one that was stored.
    """
    try:
        document = (folder / MANIFEST).read_bytes()
        payload = (folder / ARTEFACT).read_bytes()
    except OSError as error:
        raise RegistryError(f"{error.filename}: {error.strerror}") from error
    try:
        contract = manifest.read(document)
    except ModelRejectedError as error:
        raise RegistryError(f"{folder / MANIFEST}: is no contract: {error}") from error
    try:
        manifest.check_bytes(payload, contract.artefact)
    except ModelRejectedError as error:
        message = f"{folder / ARTEFACT}: is not the file that its contract names: {error}"
        raise RegistryError(message) from error
    return Stored(contract, document, payload)


def checked_name(name: str) -> str:
    """Return *name* when it is one.

    Raises:
        RegistryError: it is not: lower-case letters, digits, ``-`` and ``_`` only.
    """
    if not NAME.fullmatch(name) or name in STAGES:
        raise RegistryError(
            f"{name!r} is no model name: use up to 64 lower-case letters, digits, '-' and '_', "
            f"and none of {', '.join(STAGES)}"
        )
    return name
