"""Stacks as a sampling profiler counts them: read, tidied up, and summed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Final

Stacks = Counter[tuple[str, ...]]
_OURS: Final = "(app/"
_ADDRESS: Final = re.compile(r"^0x[0-9a-f]+ \((?P<file>.*)\)$")
_PERF_LINE: Final = re.compile(r"^\s+([\d.]+)%\s+(\S.*)$")
_LINE: Final = re.compile(r":\d+\)$")
_FRAMES_ABOVE: Final = re.compile(r"\((threading\.py|\?|libc\.so.*|libpython.*)\)$")


def folded(lines: Iterable[str]) -> Stacks:
    """Read ``outermost;…;innermost count``, one stack a line; other lines are passed over."""
    found: Stacks = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        if stack and count.isdecimal():
            found[tuple(stack.split(";"))] += int(count)
    return found


def tidy(stacks: Stacks) -> Stacks:
    """Leave out line numbers, addresses, repeated frames and what starts a thread."""
    found: Stacks = Counter()
    for frames, count in stacks.items():
        named = [_named(frame) for frame in frames]
        begun = next((n for n, name in enumerate(named) if not _FRAMES_ABOVE.search(name)), 0)
        found[tuple(name for name, _ in groupby(named[begun:]))] += count
    return found


def shares(stacks: Stacks) -> dict[str, float]:
    """Return the share of each function of the project, with what it calls outside of it.

    Where a stack holds none, the time belongs to the file of the innermost frame.
    """
    counts: Counter[str] = Counter()
    for frames, count in stacks.items():
        ours = [frame for frame in frames if _OURS in frame]
        counts[ours[-1] if ours else _file(frames[-1])] += count
    total = sum(counts.values())
    return {name: count / total for name, count in counts.most_common()}


def library_shares(report: str) -> list[tuple[str, float]]:
    """Read the lines ``12.34%  library`` of what ``perf report --sort dso`` prints."""
    found = [_PERF_LINE.match(line) for line in report.splitlines()]
    return [(line[2].strip(), float(line[1]) / 100) for line in found if line is not None]


def _named(frame: str) -> str:
    address = _ADDRESS.match(frame)
    if address is not None:
        return f"({address['file']})"
    return _LINE.sub(")", frame)


def _file(frame: str) -> str:
    return frame.rpartition("(")[2].rstrip(")") or frame
