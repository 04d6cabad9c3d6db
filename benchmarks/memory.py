"""The memory of a group of processes, as if nobody else had opened the same files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ (\S+) \S+ (\d+)")


@dataclass(frozen=True, slots=True)
class Mapped:
    """One mapping of one process, in KiB.

    Attributes:
        file: inode and offset; None for memory that belongs to no file.
    """

    file: tuple[str, str] | None
    rss: int
    pss: int
    own: int


def mappings(smaps: str) -> Iterator[Mapped]:
    """Yield the mappings of a ``/proc/<pid>/smaps``."""
    file: tuple[str, str] | None = None
    sizes: dict[str, int] = {}
    for line in smaps.splitlines():
        head = _HEAD.match(line)
        if head is not None:
            file = (head[2], head[1]) if head[2] != "0" else None
            sizes = {}
            continue
        name, _, rest = line.partition(":")
        if name in {"Rss", "Pss", "Private_Dirty"}:
            sizes[name] = int(rest.split()[0])
        if name == "Private_Dirty":  # the last one of the three
            yield Mapped(file, sizes["Rss"], sizes["Pss"], sizes["Private_Dirty"])


def group_mib(processes: Iterable[str]) -> float:
    """Return what the processes with these ``smaps`` hold together, in MiB.

    The kernel's PSS divides a library among all that have it open. Here everything outside the
    group counts as absent: a benchmark that runs several servers would flatter each of them.
    """
    total, shared = 0, dict[tuple[str, str], int]()
    for one in (mapped for smaps in processes for mapped in mappings(smaps)):
        if one.file is None:
            total += one.pss
            continue
        total += one.own
        shared[one.file] = max(shared.get(one.file, 0), one.rss - one.own)
    return (total + sum(shared.values())) / 1024
