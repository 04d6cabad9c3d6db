"""The files of one model version: read, verified byte by byte, and held until they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.domain import manifest
from app.domain.compiled import COMPILED_FILES
from app.domain.contract import Contract
from app.errors import ModelRejectedError

ARTEFACT: Final = "model.joblib"
MANIFEST: Final = "manifest.json"
Stamp = tuple[tuple[int, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """Bytes that are those of their contract.

    Attributes:
        payload: the fitted estimator, as joblib stored it.
        compiled: content of the compiled engines' files, by name.
    """

    contract: Contract
    payload: bytes
    compiled: Mapping[str, bytes]

    def files(self, document: bytes) -> dict[str, bytes]:
        """Return all files by name, the manifest last."""
        return {ARTEFACT: self.payload, **self.compiled, MANIFEST: document}


def verified(file: Path, payload: bytes, contract: Contract) -> Verified:
    """Compare *payload* with *contract*, and read and compare what stands beside *file*.

    Raises:
        ModelRejectedError: a file is missing, or not the one that the contract names.
    """
    manifest.check_bytes(payload, contract.artefact)
    compiled: dict[str, bytes] = {}
    for it in contract.compiled:
        try:
            compiled[it.file] = read(file.parent / it.file)
            manifest.check_bytes(compiled[it.file], it)
        except ModelRejectedError as error:
            raise ModelRejectedError(f"{it.file}: {error}") from error
    return Verified(contract, payload, compiled)


def read(file: Path) -> bytes:
    """Return the content of *file*.

    Raises:
        ModelRejectedError: it is not there, or cannot be read.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise ModelRejectedError("there is no such file") from None
    except OSError as error:
        raise ModelRejectedError(f"cannot be read: {error.strerror}") from error


def read_document(file: Path) -> bytes | None:
    """Return the content of a manifest; None when there is none.

    Raises:
        ModelRejectedError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelRejectedError(f"{MANIFEST}: {error.strerror}") from error


def contract_of(document: bytes) -> Contract:
    """Return what *document* says.

    Raises:
        ModelRejectedError: it is no contract.
    """
    try:
        return manifest.read(document)
    except ModelRejectedError as error:
        raise ModelRejectedError(f"{MANIFEST}: {error}") from error


def stamp(path: Path) -> Stamp:
    """Return what changes when somebody writes to the model at *path*, or beside it."""
    names = (MANIFEST, *COMPILED_FILES.values())
    return tuple(_stamp(file) for file in (path, *(path.parent / name for name in names)))


def _stamp(file: Path) -> tuple[int, int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
