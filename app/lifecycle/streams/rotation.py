"""Which file follows one that was rotated: ``NAME.3``, ``NAME.2``, ``NAME.1``, ``NAME``.

Names with dates, ``NAME-20240131``, are as good: what tells is the time of the last write, and the
name only where two times are equal. Some count upwards, and no name says so.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final, NamedTuple, Self

_SUFFIX: Final = re.compile(
    r"[.-](?:(?P<counter>\d{1,3})|(?P<date>\d[\dTZ:_.+-]*?))(?P<compressed>\.(?:gz|bz2|xz|zst|lz4))?"
)
# Before every name: a file that has lost its own was the oldest of all that are left.
_NO_NAME: Final = (-1000, "")

Identity = tuple[int, int]


class Next(NamedTuple):
    """The file that follows.

    Attributes:
        path: its name by now.
        identity: its device and inode.
        unread: names of files between the two that cannot be read.
    """

    path: Path
    identity: Identity
    unread: tuple[str, ...]


def next_file(path: Path, read: Identity | None, modified_ns: int) -> Next | None:
    """Return the file that follows the one that was read; None where there is none yet.

    Args:
        path: the name that the newest file has.
        read: the file that was read; None where it is gone.
        modified_ns: when that was last written while it had the newest name: its writer
            may have written a last line into it when others that follow were there.
    """
    if read is not None and is_named(path, read):
        return None
    files = [found for it in _siblings(path) if (found := _File.of(it, path)) is not None]
    own = next((it for it in files if it.identity == read), None)
    names_order = _NO_NAME if own is None else own.order[2:]
    after = (False, modified_ns, *names_order)
    newer = [it for it in files if it.order > after and it.identity != read]
    plain = min((it for it in newer if not it.is_compressed), default=None)
    if plain is None:
        return None
    names = {it.path.name for it in files}
    unread = [
        it.path.name
        for it in newer
        # A file has both names while it is compressed.
        if it.is_compressed and modified_ns < it.modified_ns and it < plain
        if it.path.stem not in names
    ]
    if own is not None and own.counter and plain.counter is not None:
        counters = {it.counter for it in files}
        between = range(own.counter - 1, plain.counter, -1)
        unread += [f"{path.name}.{it}" for it in between if it not in counters]
    return Next(plain.path, plain.identity, tuple(unread))


def name_by_now(path: Path, inode: int) -> Path | None:
    """Return what the file that was read is called, *path* or longer; None where it is gone."""
    return next((it for it in _siblings(path) if (_identity_of(it) or (0, 0))[1] == inode), None)


def is_named(path: Path, read: Identity) -> bool:
    """Say whether *path* still is the file that was read."""
    return _identity_of(path) == read


def identity(found: os.stat_result) -> Identity:
    """Return what names the file of *found* for as long as it is open."""
    return found.st_dev, found.st_ino


def _siblings(path: Path) -> list[Path]:
    """Return *path*, and the files beside it whose names begin so."""
    try:
        beside = sorted(it for it in path.parent.iterdir() if it.name.startswith(path.name))
    except OSError:  # there is no such folder, or it may be entered but not listed
        beside = []
    return [path, *(it for it in beside if it != path)]


def _identity_of(path: Path) -> Identity | None:
    try:
        return identity(path.stat())
    except OSError:
        return None


class _File(NamedTuple):
    """A file that has the name, or had it; the oldest is the least."""

    order: tuple[bool, int, int, str]
    path: Path
    identity: Identity
    modified_ns: int
    counter: int | None
    is_compressed: bool

    @classmethod
    def of(cls, path: Path, newest: Path) -> Self | None:
        match = _SUFFIX.fullmatch(path.name.removeprefix(newest.name))
        is_newest = path == newest
        if match is None and not is_newest:
            return None
        try:
            found = path.stat()
        except OSError:
            return None
        if not (is_newest or stat.S_ISREG(found.st_mode)):
            return None
        counter, date, compressed = ("0", None, None) if match is None else match.groups()
        return cls(
            (is_newest, found.st_mtime_ns, -int(counter or 0), date or ""),
            path,
            identity(found),
            found.st_mtime_ns,
            None if counter is None else int(counter),
            compressed is not None,
        )
