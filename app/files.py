"""Writing a file so that a reader finds the old content or the new, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
READABLE: Final = 0o644


def write_atomically(path: Path, content: bytes, *, mode: int = READABLE) -> None:
    """Write *content* under a temporary name, flush it to the disk and rename it to *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def create_once(path: Path, content: bytes, *, mode: int = PRIVATE) -> bytes:
    """Write *content* unless *path* exists; return what it holds now. Safe between processes."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        try:
            os.link(name, path)
        except FileExistsError:
            return path.read_bytes()
        return content
    finally:
        Path(name).unlink()
