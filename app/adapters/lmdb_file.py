"""Opens an LMDB file once in each process: a handle does not survive a fork."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any, Final

import lmdb

RESERVED_BYTES: Final = 16 * 1024 * 1024
_CAN_RESERVE: Final = hasattr(os, "posix_fallocate")
_UNSUPPORTED: Final = {errno.EOPNOTSUPP, errno.EINVAL}  # by this file system
_OPEN: Final[dict[Path, Any]] = {}
_RESERVED: Final[dict[Path, int]] = {}  # bytes, by file
_OPENING: Final = threading.Lock()


def opened(path: Path, *, map_bytes: int, is_durable: bool) -> Any:
    """Return the environment at *path*, which only this user may read.

    One that is not durable is written through memory: a system call for each transaction costs
    more, and waits for whatever the disk does. After a crash of the machine, not of a process,
    such a file may be damaged: the launcher removes what an earlier boot has left.

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
            _OPEN[path] = _opened(path, map_bytes, is_durable=is_durable)
        return _OPEN[path]


def _opened(path: Path, map_bytes: int, *, is_durable: bool) -> Any:
    if is_durable or not _CAN_RESERVE:
        return _environment(path, map_bytes, is_durable=is_durable, writes_through=False)
    environment = _environment(path, map_bytes, is_durable=False, writes_through=True)
    _RESERVED.pop(path, None)
    try:
        reserve(path, environment, map_bytes)
    except OSError as error:
        environment.close()
        if error.errno not in _UNSUPPORTED:
            raise
        _RESERVED[path] = map_bytes
        return _environment(path, map_bytes, is_durable=False, writes_through=False)
    return environment


def _environment(path: Path, map_bytes: int, *, is_durable: bool, writes_through: bool) -> Any:
    environment = lmdb.open(
        str(path),
        map_size=map_bytes,
        subdir=False,
        mode=0o600,
        sync=is_durable,
        metasync=is_durable,
        writemap=writes_through,
        max_dbs=0,
    )
    environment.reader_check()  # a killed reader's place would keep old pages for ever
    return environment


def reserve(path: Path, environment: Any, map_bytes: int) -> None:
    """Have the disk hold room for what is written next, in a file that is not durable.

    Writing through memory where the disk has no room ends the process (SIGBUS).

    Raises:
        OSError: there is none.
    """
    if not _CAN_RESERVE:
        return
    used = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    wanted = min(used + RESERVED_BYTES // 2, map_bytes)
    if wanted <= _RESERVED.get(path, 0):
        return
    wanted = min(used + RESERVED_BYTES, map_bytes)
    begin = _RESERVED.get(path, 0)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), begin, wanted - begin)
    _RESERVED[path] = wanted


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
