"""Stacks as a flame graph: the wider a frame, the more time was spent in and below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.drawing import WIDTH, picture, words
from benchmarks.stacks import Stacks

_ROW: Final = 16
_LEAST_WIDTH: Final = 2.5
_LETTER_WIDTH: Final = 6.6
_LEAST_LETTERS: Final = 3
_MOST_DEPTH: Final = 48
_OURS: Final = ("#7cc4a4", "#94d0b5")
_PYTHON: Final = ("#f2c77e", "#f6d59b")
_NATIVE: Final = ("#c9ced6", "#d7dbe1")


@dataclass(slots=True)
class _Frame:
    name: str
    count: int = 0
    below: dict[str, _Frame] = field(default_factory=dict)


def flames(title: str, stacks: Stacks) -> str:
    """Return the picture: callers above, what they call below, frames in the order of names.

    Frames too narrow to see are left out. Green: the project; yellow: Python; grey: native code.
    """
    root = _tree(stacks)
    drawn = list(_drawn(root, 0.0, 0, WIDTH / max(root.count, 1)))
    depth = max((row for row, _ in drawn), default=0)
    return picture(
        (depth + 3) * _ROW, [words(0, _ROW - 4, title, kind="title"), *(d for _, d in drawn)]
    )


def _tree(stacks: Stacks) -> _Frame:
    root = _Frame("all")
    for frames, count in stacks.items():
        root.count += count
        place = root
        for name in frames[:_MOST_DEPTH]:
            place = place.below.setdefault(name, _Frame(name))
            place.count += count
    return root


def _drawn(frame: _Frame, left: float, row: int, scale: float) -> Iterator[tuple[int, str]]:
    """Yield the row and the drawing of *frame* and of all below it; *left* is in samples."""
    yield row, _box(frame, left * scale, row, frame.count * scale)
    for name in sorted(frame.below):
        called = frame.below[name]
        if called.count * scale >= _LEAST_WIDTH:
            yield from _drawn(called, left, row + 1, scale)
        left += called.count


def _box(frame: _Frame, x: float, row: int, width: float) -> str:
    y = (row + 1) * _ROW + 4
    fill = _colours(frame.name)[row % 2]
    box = f'<rect x="{x:.1f}" y="{y}" width="{width - 0.4:.1f}" height="{_ROW - 1}" fill="{fill}"/>'
    shown = frame.name[: int((width - 4) / _LETTER_WIDTH)]
    label = words(round(x), y + 12, shown) if len(shown) >= _LEAST_LETTERS else ""
    return f"<g><title>{escape(frame.name)}: {frame.count}</title>{box}{label}</g>"


def _colours(name: str) -> tuple[str, str]:
    if "(app/" in name:
        return _OURS
    return _PYTHON if name.endswith(".py)") else _NATIVE
