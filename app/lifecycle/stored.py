"""One version as files in a folder, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.domain import manifest
from app.domain.compiled import Digested
from app.domain.contract import Contract
from app.errors import ModelRejectedError, RegistryError

ARTEFACT: Final = "model.joblib"
MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Stored:
    """A version in the registry: its contract, and the bytes of manifest and artefacts.

    ``compiled`` holds the files of the compiled engines by name.
    """

    contract: Contract
    document: bytes
    payload: bytes
    compiled: Mapping[str, bytes]


def read_folder(folder: Path) -> Stored:
    """Return what *folder* holds, checked.

    Raises:
        RegistryError: a file is missing, unreadable or not the one that was stored.
    """
    document = _read(folder / MANIFEST)
    contract = contract_of(document, str(folder / MANIFEST))
    files = {name: _checked(folder / name, it) for name, it in digests(contract).items()}
    payload = files.pop(ARTEFACT)
    return Stored(contract, document, payload, files)


def digests(contract: Contract) -> dict[str, Digested]:
    """Return size and SHA-256 of each file that answers, by name."""
    return {ARTEFACT: contract.artefact, **{it.file: it for it in contract.compiled}}


def contract_of(document: bytes, place: str) -> Contract:
    """Return what the manifest at *place* says.

    Raises:
        RegistryError: it is no contract.
    """
    try:
        return manifest.read(document)
    except ModelRejectedError as error:
        raise RegistryError(f"{place}: is no contract: {error}") from error


def check_file(payload: bytes, named: Digested, place: str) -> None:
    """Pass when *payload*, which lies at *place*, is what the contract names.

    Raises:
        RegistryError: it is not; the message says what was expected.
    """
    try:
        manifest.check_bytes(payload, named)
    except ModelRejectedError as error:
        message = f"{place}: is not the file that its contract names: {error}"
        raise RegistryError(message) from error


def _checked(file: Path, named: Digested) -> bytes:
    payload = _read(file)
    check_file(payload, named, str(file))
    return payload


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from error
