"""What a source of raw rows is, and what those of files share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from app.errors import RecordsError
from app.lifecycle.records import Chunk

_MOST_CELLS: Final = 500_000
_BLOCK_BYTES: Final = 1_048_576


class Source(Protocol):
    """Raw rows."""

    @property
    def origin(self) -> str:
        """Say where it is, without a password."""
        ...

    @property
    def unit(self) -> str:
        """Name what ``total`` counts, and ``Chunk.size``."""
        ...

    @property
    def total(self) -> int | None:
        """How much there is to read; None where nobody knows."""
        ...

    def content_sha256(self) -> str | None:
        """Return a digest of all rows; None where only reading them would tell."""
        ...

    def default_batch_id(self, content: str | None) -> str:
        """Return what finds the same batch again; *content* is the digest of all rows."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in order; the first piece comes even if there are none.

        Raises:
            RecordsError: it cannot be read.
        """
        ...


def rows_at_once(n_columns: int) -> int:
    """Return how many rows a piece has: fewer where they are wide, to bound its memory."""
    return max(1, min(50_000, _MOST_CELLS // max(n_columns, 1)))


def short(digest: str) -> str:
    """Return as much of *digest* as tells batches apart."""
    return digest[:16]


def check_names(where: str, names: Sequence[str]) -> None:
    """Pass when the columns of *where* can be told apart.

    Raises:
        RecordsError: two have one name.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecordsError(f"{where}: two columns are called {twice!r}. Fix: rename one")


def size_of(path: Path) -> int:
    """Return the bytes of a file.

    Raises:
        RecordsError: it cannot be read.
    """
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error


def digest_of(paths: Sequence[Path], folder: Path | None = None) -> str:
    """Return the SHA-256 of the files, and of their names below *folder* where that is one."""
    digest = sha256()
    for path in paths:
        if path.is_fifo():
            raise RecordsError(f"{path}: is a pipe. Fix: a file, which can be read twice")
        if folder is not None and path != folder:
            digest.update(f"{path.relative_to(folder)}\0{size_of(path)}\0".encode())
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise unreadable(path, error) from error
    return digest.hexdigest()


def unreadable(path: Path, error: Exception) -> RecordsError:
    """Return the error for a file that gives *error*."""
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return RecordsError(f"{path}: cannot be read: {reason}. Fix: another file, or a whole one")
