"""Pictures as SVG, by hand: they need no library and read well in a browser and on GitHub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 860
_LABEL: Final = 210
_BAR: Final = 16
_GAP: Final = 5
_ROOM_FOR_NUMBER: Final = 80
_OURS: Final = "#1f6f50"
_OTHERS: Final = "#9aa5b1"
_STYLE: Final = (
    "<style>text{font:12px sans-serif;fill:#1b1f24}.title{font-weight:bold}"
    "rect.back{fill:#ffffff}</style>"
)


def bars(panels: Mapping[str, Mapping[str, float]], *, ours: Sequence[str]) -> str:
    """Return one panel of horizontal bars for each of *panels*, each with a scale of its own.

    Args:
        panels: by title, what each bar shows.
        ours: the bars that stand out.
    """
    drawn: list[str] = []
    top = _GAP
    for title, values in panels.items():
        drawn.append(words(0, top + _BAR - _GAP, title, kind="title"))
        top += _BAR + _GAP
        most = max(values.values(), default=1.0)
        for name, value in sorted(values.items(), key=lambda bar: -bar[1]):
            drawn.append(_bar(top, name, value, value / most, is_ours=name in ours))
            top += _BAR + _GAP
        top += _BAR
    return picture(top, drawn)


def picture(height: int, drawn: Sequence[str]) -> str:
    """Put a frame around *drawn*, on white, for readers with a dark page too."""
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    back = '<rect class="back" width="100%" height="100%"/>'
    inner = "\n".join(drawn)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_STYLE}{back}\n{inner}\n</svg>\n'


def shown(value: float) -> str:
    """Return *value* with three digits at least, and no more than are worth it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004  three digits


def _bar(top: int, name: str, value: float, share: float, *, is_ours: bool) -> str:
    width = share * (WIDTH - _LABEL - _ROOM_FOR_NUMBER)
    fill = _OURS if is_ours else _OTHERS
    bar = f'<rect x="{_LABEL}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{fill}"/>'
    below = top + _BAR - 4
    number = words(round(_LABEL + width + 4), below, shown(value))
    return words(0, below, name) + bar + number


def words(x: int, y: int, said: str, *, kind: str = "") -> str:
    """Return *said* with its left end at *x* and its foot at *y*."""
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x + 4}" y="{y}"{named}>{escape(said)}</text>'
