"""The registry: immutable versions of models, in a folder or at a URL.

``<name>/<version>/{model.joblib, manifest.json}``, with what was compiled of the model and what
training wrote of it (``card.md``, plots, ``heldout.npz``) beside them, never changes once it
is there, but for the signature. What is said of a version later, such as that it is retired, lies
beside its folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from app.domain.contract import NAME, Contract
from app.errors import RegistryError
from app.lifecycle.remote import RemoteVersions
from app.lifecycle.stored import ARTEFACT, MANIFEST, Stored, contract_of, read_folder
from app.lifecycle.versions import VERSION, FolderVersions, Versions
from app.settings.schema import Settings

__all__ = [
    "ARTEFACT",
    "MANIFEST",
    "STAGES",
    "STAGES_FOLDER",
    "UNSTORED",
    "DocumentsOf",
    "Registry",
    "Stored",
    "add_version",
    "checked_name",
    "checked_version",
    "names",
    "read_contract",
    "read_document",
    "read_folder",
    "read_version",
    "registry_of",
    "store_of",
    "versions",
]
STAGES_FOLDER: Final = Path("model")
STAGES: Final = ("dev", "staging", "production")
UNSTORED: Final = "1"  # version of a contract until ``add_version`` sets it
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::|://)")
_SHORT: Final = 12

Registry = Path | RemoteVersions
"""A folder of this machine, or versions somewhere else."""
DocumentsOf = Callable[[Contract], Mapping[str, bytes]]


def registry_of(settings: Settings) -> Registry:
    """Return the registry that ``model.registry_path`` names: a folder, or anything with ``://``.

    Copies of what lies elsewhere are kept in ``registry/`` of the runtime folder.
    """
    path = settings.model.registry_path
    if not _URL.match(path):
        return settings.path(path)
    url = path.rstrip("/")
    kept = sha256(url.encode()).hexdigest()[:_SHORT]
    return RemoteVersions(url, settings.path(settings.runtime_path) / "registry" / kept)


def store_of(registry: Registry) -> Versions:
    """Return what reads and writes the versions of *registry*."""
    return FolderVersions(registry) if isinstance(registry, Path) else registry


def names(registry: Registry) -> list[str]:
    """Return the names of all models, sorted."""
    return store_of(registry).names()


def versions(registry: Registry, name: str) -> list[int]:
    """Return the versions of *name*, oldest first."""
    return store_of(registry).of(checked_name(name))


def add_version(
    registry: Registry,
    payload: bytes,
    contract: Contract,
    compiled: Mapping[str, bytes] = MappingProxyType({}),
    documents: DocumentsOf = lambda _: {},
) -> tuple[Contract, Path]:
    """Store *payload* as the next version of its model; two at once get two versions.

    Args:
        registry: where versions lie.
        payload: bytes of the artefact.
        contract: its contract, whose version is set here.
        compiled: content of the files of its compiled engines, by name.
        documents: gives what else lies beside it, by name, from the contract as it is stored.

    Returns:
        The contract as stored, and the version's folder on this machine.
    """
    checked_name(contract.name)

    def numbered(version: str) -> Contract:
        return contract.model_copy(update={"version": version})

    def files_of(version: str) -> dict[str, bytes]:
        contract = numbered(version)
        document = contract.model_dump_json(indent=2).encode()
        return {**documents(contract), ARTEFACT: payload, **compiled, MANIFEST: document}

    version, folder = store_of(registry).add(contract.name, files_of)
    return numbered(version), folder


def read_version(registry: Registry, name: str, version: str) -> Stored:
    """Return a version whose artefact is the one that its contract names.

    Raises:
        RegistryError: there is no such version, or it was damaged.
    """
    stored = store_of(registry).read(name, checked_version(registry, name, version))
    _check_place(registry, name, version, stored.contract)
    return stored


def read_document(registry: Registry, name: str, version: str, file: str) -> bytes | None:
    """Return what training wrote beside a version, such as its card; None when there is none.

    Nothing vouches for it.

    Raises:
        RegistryError: there is no such version, or the registry cannot be read.
    """
    version = checked_version(registry, name, version)
    return store_of(registry).document_beside(name, version, file)


def read_contract(registry: Registry, name: str, version: str) -> Contract:
    """Return the contract of a version, without looking at its other files.

    Raises:
        RegistryError: there is no such version, or its manifest was damaged.
    """
    store = store_of(registry)
    document = store.document(name, checked_version(registry, name, version))
    contract = contract_of(document, f"{store.location(name, version)}/{MANIFEST}")
    _check_place(registry, name, version, contract)
    return contract


def _check_place(registry: Registry, name: str, version: str, contract: Contract) -> None:
    """Refuse a version in the place of another: its signature would hold there too."""
    if (contract.name, contract.version) != (name, version):
        place = f"{store_of(registry).location(name, version)}/{MANIFEST}"
        raise RegistryError(
            f"{place}: is the contract of {contract.name} {contract.version}. "
            "Fix: put back the version that was stored there"
        )


def checked_version(registry: Registry, name: str, version: str) -> str:
    """Return *version* when *name* has it.

    Raises:
        RegistryError: it does not; the message says which there are.
    """
    known = versions(registry, name)
    if not VERSION.fullmatch(version) or int(version) not in known:
        there = ", ".join(map(str, known)) or "none"
        raise RegistryError(f"{name} has no version {version!r}; there is: {there}")
    return version


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
