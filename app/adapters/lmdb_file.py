"""Opens an LMDB file once in each process: a handle does not survive a fork."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Final

import lmdb

_OPEN: Final[dict[Path, Any]] = {}
_OPENING: Final = threading.Lock()


def opened(path: Path, *, map_bytes: int, is_durable: bool) -> Any:
    """Return the environment at *path*, which only this user may read.

    Args:
        path: of the file, absolute.
        map_bytes: the most it may hold.
        is_durable: whether a transaction has reached the disk when it ends.

    Raises:
        lmdb.Error: the file cannot be opened; the next call tries again.
        OSError: its folder cannot be made.
    """
    found = _OPEN.get(path)
    if found is not None:
        return found
    with _OPENING:
        if path not in _OPEN:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _OPEN[path] = lmdb.open(
                str(path),
                map_size=map_bytes,
                subdir=False,
                mode=0o600,
                sync=is_durable,
                metasync=is_durable,
                max_dbs=0,
            )
            _OPEN[path].reader_check()  # a killed reader's place would keep old pages for ever
        return _OPEN[path]


def _let_go_of_the_parents() -> None:
    """Close what was inherited, or LMDB would say that the file is open already."""
    for environment in _OPEN.values():
        environment.close()
    _OPEN.clear()
    _OPENING.release()


os.register_at_fork(
    before=_OPENING.acquire,
    after_in_parent=_OPENING.release,
    after_in_child=_let_go_of_the_parents,
)
