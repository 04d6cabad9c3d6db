"""The model store on disk: immutable versions, and the stages that hold what is promoted.

``registry/<name>/<version>/{model.joblib, manifest.json}``, with what was compiled of the model
beside them, never changes once it is there, but for the signature. A stage holds its default model
at ``<stage>/`` and any other at ``<stage>/<name>/``.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from app.domain import manifest
from app.domain.compiled import Digested
from app.domain.contract import NAME, Contract
from app.errors import ModelRejectedError, RegistryError
from app.files import write_atomically

ARTEFACT: Final = "model.joblib"
MANIFEST: Final = "manifest.json"
STAGES_FOLDER: Final = Path("model")
STAGES: Final = ("dev", "staging", "production")
UNSTORED: Final = "1"  # version of a contract until ``add_version`` sets it
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A version in the registry: its contract, and the bytes of manifest and artefacts.

    ``compiled`` holds the files of the compiled engines by name.
    """

    contract: Contract
    document: bytes
    payload: bytes
    compiled: Mapping[str, bytes]


def versions(registry: Path, name: str) -> list[int]:
    """Return the versions of *name*, oldest first."""
    folder = registry / checked_name(name)
    if not folder.is_dir():
        return []
    return sorted(int(f.name) for f in folder.iterdir() if _VERSION.fullmatch(f.name))


def add_version(
    registry: Path,
    payload: bytes,
    contract: Contract,
    compiled: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[Contract, Path]:
    """Store *payload* as the next version of its model; two at once get two versions.

    Args:
        registry: the registry's folder.
        payload: bytes of the artefact.
        contract: its contract, whose version is set here.
        compiled: content of the files of its compiled engines, by name.

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
            for file, content in {ARTEFACT: payload, **compiled}.items():
                write_atomically(new / file, content)
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
    document = _read(folder / MANIFEST)
    try:
        contract = manifest.read(document)
    except ModelRejectedError as error:
        raise RegistryError(f"{folder / MANIFEST}: is no contract: {error}") from error
    payload = _checked(folder / ARTEFACT, contract.artefact)
    compiled = {it.file: _checked(folder / it.file, it) for it in contract.compiled}
    return Stored(contract, document, payload, compiled)


def _checked(file: Path, named: Digested) -> bytes:
    payload = _read(file)
    try:
        manifest.check_bytes(payload, named)
    except ModelRejectedError as error:
        message = f"{file}: is not the file that its contract names: {error}"
        raise RegistryError(message) from error
    return payload


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from error


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
