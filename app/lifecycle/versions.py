"""What a place of versions can do, and the place that is a folder of this machine."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from app.domain.contract import NAME
from app.errors import RegistryError
from app.files import create_once, write_atomically
from app.lifecycle.stored import MANIFEST, Stored, read_folder

VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")
FilesOf = Callable[[str], Mapping[str, bytes]]
"""All files of a version by name, the manifest last; the contract holds the number."""


class Versions(Protocol):
    """A place of versions. Each method raises RegistryError where the place cannot be used."""

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        ...

    def of(self, name: str) -> list[int]:
        """Return the versions of *name* that are whole, oldest first."""
        ...

    def add(self, name: str, files_of: FilesOf) -> tuple[str, Path]:
        """Take the next number and store its files; return it, and where they lie here."""
        ...

    def document(self, name: str, version: str) -> bytes:
        """Return the manifest of a version."""
        ...

    def replace_document(self, name: str, version: str, document: bytes) -> None:
        """Put a manifest with another signature in the place of a version's own."""
        ...

    def read(self, name: str, version: str) -> Stored:
        """Return a version whose files are those that its contract names."""
        ...

    def document_beside(self, name: str, version: str, file: str) -> bytes | None:
        """Return another file of the version, unchecked; None when there is none."""
        ...

    def note(self, name: str, version: str, kind: str, content: bytes) -> bytes:
        """Lay a note beside the version, unless there is one; return the one that is there."""
        ...

    def noted(self, name: str, version: str, kind: str) -> bytes | None:
        """Return the note of this kind; None when there is none."""
        ...

    def location(self, name: str, version: str) -> str:
        """Say where a version lies, for people."""
        ...


@dataclass(frozen=True, slots=True)
class FolderVersions:
    """Versions in a folder: a version appears whole, by the renaming of its folder."""

    root: Path

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(it.name for it in self.root.iterdir() if NAME.fullmatch(it.name))

    def of(self, name: str) -> list[int]:
        """Return the versions of *name*, oldest first."""
        folder = self.root / name
        if not folder.is_dir():
            return []
        return sorted(int(it.name) for it in folder.iterdir() if VERSION.fullmatch(it.name))

    def add(self, name: str, files_of: FilesOf) -> tuple[str, Path]:
        """Take the next number; two at once get two."""
        folder = self.root / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            while True:
                version = str(max(self.of(name), default=0) + 1)
                new = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
                try:
                    fill(new, files_of(version))
                except BaseException:
                    shutil.rmtree(new, ignore_errors=True)
                    raise
                try:
                    return version, new.rename(folder / version)
                except OSError:  # somebody else took this number
                    shutil.rmtree(new)
                    if not (folder / version).exists():
                        raise
        except OSError as error:
            raise RegistryError(f"{folder}: cannot be written: {error.strerror}") from error

    def document(self, name: str, version: str) -> bytes:
        """Return the manifest of a version."""
        file = self.root / name / version / MANIFEST
        try:
            return file.read_bytes()
        except OSError as error:
            raise RegistryError(f"{file}: {error.strerror}") from error

    def replace_document(self, name: str, version: str, document: bytes) -> None:
        """Put a manifest with another signature in the place of a version's own."""
        file = self.root / name / version / MANIFEST
        try:
            write_atomically(file, document)
        except OSError as error:
            raise RegistryError(f"{file}: cannot be written: {error.strerror}") from error

    def read(self, name: str, version: str) -> Stored:
        """Return a version whose files are those that its contract names."""
        return read_folder(self.root / name / version)

    def document_beside(self, name: str, version: str, file: str) -> bytes | None:
        """Return another file of the version, unchecked; None when there is none."""
        return _content(self.root / name / version / file)

    def note(self, name: str, version: str, kind: str, content: bytes) -> bytes:
        """Lay a note beside the version, unless there is one; return the one that is there."""
        file = self.root / name / f"{version}.{kind}.json"
        try:
            return create_once(file, content, mode=0o644)
        except OSError as error:
            raise RegistryError(f"{file}: cannot be written: {error.strerror}") from error

    def noted(self, name: str, version: str, kind: str) -> bytes | None:
        """Return the note of this kind; None when there is none."""
        return _content(self.root / name / f"{version}.{kind}.json")

    def location(self, name: str, version: str) -> str:
        """Return the version's folder."""
        return str(self.root / name / version)


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write *files* into *folder*, which everybody may read."""
    folder.chmod(0o755)
    for file, content in files.items():
        write_atomically(folder / file, content)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from error
