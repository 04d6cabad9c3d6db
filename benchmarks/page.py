"""Puts what was measured into ``docs/performance.md``, between marks that a rerun finds again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from app.settings.overlay import PROJECT

PAGE: Final = PROJECT / "docs" / "performance.md"
PICTURES: Final = PROJECT / "docs" / "pictures"


class NoMarksError(Exception):
    """The page has no place for a part."""


def replaced(page: str, part: str, text: str) -> str:
    """Return *page* with *text* as its part called *part*.

    Raises:
        NoMarksError: the two marks are not there.
    """
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise NoMarksError(f"no place for {part!r}: it needs {begin} and {end}")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def put(part: str, text: str, *, page: Path = PAGE) -> None:
    """Write *text* into *page*, a file."""
    page.write_text(
        replaced(page.read_text(encoding="utf-8"), part, text), encoding="utf-8", newline="\n"
    )


def put_picture(name: str, svg: str) -> None:
    """Write *svg* where the page looks for it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8", newline="\n")
