"""Where a batch is written: a folder here or at an fsspec URL, files whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from app.errors import OperatorError
from app.files import write_atomically
from app.lifecycle.batch.inputs import is_local, shown, store_of

_NEW = ".new-"


@contextmanager
def writing(url: str | Path) -> Iterator[None]:
    """Tell an operator that *url* cannot be written.

    Raises:
        OperatorError: for whatever this machine's files or Arrow's writers raise.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise OperatorError(
            f"{shown(str(url))}: cannot be written: {said}. Fix: another OUTPUT, or room on the "
            "disk and the right to write there; then the same command goes on where it was"
        ) from error


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that one batch writes to.

    An object store shows an object when all of it is there, so a file is written on this machine
    and uploaded. In a folder of this machine it is written beside, and renamed.
    """

    url: str
    is_here: bool

    @classmethod
    def at(cls, url: str) -> Folder:
        """Return the folder at *url*, which need not exist.

        Raises:
            OperatorError: nobody knows such a URL.
        """
        with store_of(url) as (store, path):
            here = is_local(store)
            return cls(path if here else url.rstrip("/"), here)

    def prepare(self) -> None:
        """Make the folder; an object store has none."""
        if self.is_here:
            with writing(self.url):
                Path(self.url).mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Remove what a killed run was about to write here."""
        with writing(self.url):
            for left in Path(self.url).rglob(f"{_NEW}*"):
                left.unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Return every file, relative to the folder; none where there is no folder."""
        with store_of(self.url) as (store, root):
            store.invalidate_cache()
            found = store.find(root) if store.exists(root) else []
        return {path.removeprefix(root).lstrip("/") for path in found}

    def content(self, name: str) -> bytes | None:
        """Return what the file *name* holds; None when there is none."""
        with store_of(f"{self.url}/{name}") as (store, path):
            return bytes(store.cat_file(path)) if store.exists(path) else None

    def write(self, name: str, content: bytes) -> None:
        """Put *content* into the file *name*, at once."""
        with store_of(f"{self.url}/{name}") as (store, path):
            if not self.is_here:
                store.pipe_file(path, content)
                return
            with writing(path):
                write_atomically(Path(path), content)

    def begun(self, name: str) -> Path:
        """Return where on this machine the new file *name* is to be written."""
        new = f"{_NEW}{secrets.token_hex(4)}-{Path(name).name}"
        if not self.is_here:
            return Path(tempfile.gettempdir()) / new
        return Path(self.url, name).with_name(new)

    def finish(self, new: Path, name: str) -> None:
        """Let *new* be the file *name*; from then on it stays, whatever happens."""
        if self.is_here:
            with writing(Path(self.url, name)):
                handle = os.open(new, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
                new.replace(Path(self.url, name))
            return
        try:
            with store_of(f"{self.url}/{name}") as (store, path):
                store.put_file(str(new), path)
        finally:
            new.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove the file *name*, if it is there."""
        with store_of(f"{self.url}/{name}") as (store, path):
            if store.exists(path):
                store.rm_file(path)
