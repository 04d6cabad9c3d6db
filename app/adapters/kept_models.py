"""A copy of the version that was served last, for when the promoted files are damaged."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from app.files import PRIVATE, write_atomically

log = logging.getLogger("gatehouse.models")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_YOUNG_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class KeptModels:
    """Copies by the SHA-256 of their manifest, each a folder like a stage.

    Attributes:
        folder: where the copies of all models lie.
        path: the promoted file that this model is read from; it has a pointer to its copy.
        manifest: name of the manifest, without which a copy is none.
    """

    folder: Path
    path: Path
    manifest: str

    def latest(self) -> Path:
        """Return the folder of the version that was kept last.

        Raises:
            OSError: there is none.
        """
        return self.folder / _digest_in(self._pointer)

    def keep(self, files: Mapping[str, bytes]) -> None:
        """Remember a verified version; a folder that cannot be written costs only that."""
        digest = sha256(files[self.manifest]).hexdigest()
        try:
            for name, content in files.items():
                file = self.folder / digest / name
                if not (file.exists() and file.read_bytes() == content):
                    write_atomically(file, content, mode=PRIVATE)
            write_atomically(self._pointer, digest.encode(), mode=PRIVATE)
            self._forget_others()
        except OSError as error:
            log.warning("last good model not kept", extra={"problem": str(error)})

    def _forget_others(self) -> None:
        wanted = set[str]()
        for pointer in self.folder.glob("*.last"):
            with suppress(OSError):
                wanted.add(_digest_in(pointer))
        for copy in self.folder.iterdir():
            is_copy = copy.is_dir() and _DIGEST.fullmatch(copy.name)
            if is_copy and copy.name not in wanted and _is_old(copy):
                shutil.rmtree(copy, ignore_errors=True)

    @property
    def _pointer(self) -> Path:
        return self.folder / f"{sha256(os.fsencode(self.path)).hexdigest()[:16]}.last"


def _digest_in(pointer: Path) -> str:
    """Return the copy that *pointer* names.

    Raises:
        OSError: there is no such pointer, or it names none.
    """
    found = pointer.read_bytes().decode("ascii", "replace")
    if not _DIGEST.fullmatch(found):
        raise FileNotFoundError(errno.ENOENT, "names no copy", str(pointer))
    return found


def _is_old(copy: Path) -> bool:
    """Say whether no worker can be on its way to point to *copy*."""
    with suppress(FileNotFoundError):
        return time.time() - copy.stat().st_mtime > _YOUNG_SECONDS
    return False
