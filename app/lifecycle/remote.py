"""Versions in an object store or any other place that fsspec knows, with verified local copies.

A version is there once its manifest is, which is written last. Its number is taken before: by a
``<name>/<version>.claim.json`` that only one can create. Amazon's S3, Google's Cloud Storage and
memory create exclusively; where a store does not, two that begin within the same moment can take
one number, and the second to read its claim back is told so.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.domain.contract import NAME
from app.errors import GatehouseError, RegistryError
from app.lifecycle.stored import MANIFEST, Stored, contract_of, digests, read_folder
from app.lifecycle.versions import VERSION, FilesOf, fill

_PASSWORD: Final = re.compile(r"//[^/\n]*@")
_TAKEN: Final = {"PreconditionFailed", "ConditionalRequestConflict", "412"}
_CLAIM: Final = "claim"


@dataclass(frozen=True, slots=True)
class RemoteVersions:
    """The versions below *url*; what was read of them is kept in *copies*."""

    url: str
    copies: Path

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        with self._spoken_to() as (store, root):
            try:
                found = [Path(it).name for it in store.ls(root, detail=False)]
            except FileNotFoundError:
                return []
        return sorted(filter(NAME.fullmatch, found))

    def of(self, name: str) -> list[int]:
        """Return the versions of *name* whose manifest is there, oldest first."""
        paths = (file.split("/") for file in self._files(name))
        return sorted(int(path[0]) for path in paths if path[1:] == [MANIFEST])

    def add(self, name: str, files_of: FilesOf) -> tuple[str, Path]:
        """Take the next number that nobody has claimed, and store its files, the manifest last.

        An upload that is cut off leaves its number unused.
        """
        version = self._claimed(name)
        files = files_of(version)
        with self._spoken_to() as (store, root):
            _make_folder(store, f"{root}/{name}/{version}")
            for file, content in files.items():
                _put(store, f"{root}/{name}/{version}/{file}", content)
        return version, self._keep(name, version, files)

    def document(self, name: str, version: str) -> bytes:
        """Return the manifest of a version."""
        document = self._content(f"{name}/{version}/{MANIFEST}")
        if document is None:
            raise RegistryError(f"{self.location(name, version)}/{MANIFEST}: No such file")
        return document

    def replace_document(self, name: str, version: str, document: bytes) -> None:
        """Put a manifest with another signature in the place of a version's own."""
        with self._spoken_to() as (store, root):
            _put(store, f"{root}/{name}/{version}/{MANIFEST}", document)

    def read(self, name: str, version: str) -> Stored:
        """Return a version from its copy, which is made now unless it is good.

        The manifest always comes from the store: it may have been signed since.
        """
        document = self.document(name, version)
        copy = self.copies / name / version
        with suppress(RegistryError):
            kept = read_folder(copy)
            if kept.document == document:
                return kept
        return self._downloaded(name, version, document)

    def document_beside(self, name: str, version: str, file: str) -> bytes | None:
        """Return another file of the version, unchecked; None when there is none."""
        return self._content(f"{name}/{version}/{file}")

    def note(self, name: str, version: str, kind: str, content: bytes) -> bytes:
        """Lay a note beside the version, unless there is one; return the one that is there."""
        file = f"{name}/{version}.{kind}.json"
        self._create(file, content)
        return self._content(file) or b""

    def noted(self, name: str, version: str, kind: str) -> bytes | None:
        """Return the note of this kind; None when there is none."""
        return self._content(f"{name}/{version}.{kind}.json")

    def location(self, name: str, version: str) -> str:
        """Return the version's URL, without a password."""
        return f"{_shown(self.url)}/{name}/{version}"

    def _claimed(self, name: str) -> str:
        token = secrets.token_hex(16).encode()
        while True:
            heads = (re.split(r"[/.]", file)[0] for file in self._files(name))
            taken = [int(head) for head in heads if VERSION.fullmatch(head)]
            version = str(max(taken, default=0) + 1)
            # A request that was sent twice finds its own claim: only the content says whose it is.
            if self.note(name, version, _CLAIM, token) == token:
                return version

    def _create(self, file: str, content: bytes) -> None:
        """Write *file* unless it is there."""
        with self._spoken_to() as (store, root):
            _make_folder(store, f"{root}/{file}".rpartition("/")[0])
            try:
                store.pipe_file(f"{root}/{file}", content, mode="create")
            except Exception as error:
                if not _is_taken(error):
                    raise

    def _downloaded(self, name: str, version: str, document: bytes) -> Stored:
        contract = contract_of(document, f"{self.location(name, version)}/{MANIFEST}")
        with self._new_copy(name) as new, self._spoken_to() as (store, root):
            for file in digests(contract):
                store.get_file(f"{root}/{name}/{version}/{file}", str(new / file))
            fill(new, {MANIFEST: document})
            try:
                stored = read_folder(new)
            except RegistryError as error:
                place = str(error).replace(str(new), self.location(name, version))
                raise RegistryError(place) from error
            _swap(new, self.copies / name / version)
        return stored

    def _keep(self, name: str, version: str, files: Mapping[str, bytes]) -> Path:
        copy = self.copies / name / version
        with self._new_copy(name) as new:
            fill(new, files)
            _swap(new, copy)
        return copy

    @contextmanager
    def _new_copy(self, name: str) -> Iterator[Path]:
        """Give a folder that is gone afterwards, unless it was renamed."""
        folder = self.copies / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
        except OSError as error:
            raise RegistryError(f"{folder}: cannot be written: {error.strerror}") from error
        try:
            yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _files(self, name: str) -> list[str]:
        """Return every file of *name*, relative to its folder."""
        with self._spoken_to() as (store, root):
            folder = f"{root}/{name}/"
            try:
                found = store.find(folder)
            except FileNotFoundError:
                return []
        return [it.partition(folder)[2] for it in found]

    def _content(self, file: str) -> bytes | None:
        with self._spoken_to() as (store, root):
            try:
                return bytes(store.cat_file(f"{root}/{file}"))
            except FileNotFoundError:
                return None

    @contextmanager
    def _spoken_to(self) -> Iterator[tuple[Any, str]]:
        """Give the store, and the path of *url* in it.

        Raises:
            RegistryError: for whatever the store's library raises; they share no base.
        """
        try:
            from app.lifecycle.patience import patient_store  # noqa: PLC0415  a folder needs no fsspec

            yield patient_store(self.url)
        except GatehouseError:
            raise
        except ImportError as error:
            fix = "make setup-pipeline, or install the package that it names"
            raise RegistryError(f"{_shown(self.url)}: {error}. Fix: {fix}.") from error
        except Exception as error:
            lines = _shown(str(error)).splitlines() or ["no reason given"]
            said = f"{type(error).__name__}: {lines[0]}"
            raise RegistryError(f"{_shown(self.url)}: {said}") from error


def _make_folder(store: Any, folder: str) -> None:
    """Make *folder* where paths are those of folders; buckets have none, and are not to be made."""
    if folder.startswith("/"):
        store.makedirs(folder, exist_ok=True)


def _put(store: Any, file: str, content: bytes) -> None:
    """Write *file* as a whole: buckets do so by themselves, folders by a renaming."""
    if not file.startswith("/"):
        store.pipe_file(file, content)
        return
    folder, _, name = file.rpartition("/")
    store.pipe_file(f"{folder}/.new-{name}", content)
    store.mv(f"{folder}/.new-{name}", file)


def _swap(new: Path, copy: Path) -> None:
    """Rename *new* to *copy*; what was there goes with the folder that held *new*."""
    old = new.with_name(f"{new.name}-old")
    try:
        with suppress(FileNotFoundError):
            copy.rename(old)
        # Somebody else may have put the same version there in between, and that is as good.
        with suppress(FileExistsError, OSError):
            new.rename(copy)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _is_taken(error: BaseException) -> bool:
    """Say whether a store refused to create what is there already, in its own words or S3's."""
    response = getattr(error.__cause__, "response", None) or {}
    return isinstance(error, FileExistsError) or response.get("Error", {}).get("Code") in _TAKEN


def _shown(text: str) -> str:
    return _PASSWORD.sub("//***@", text).rstrip("/")
