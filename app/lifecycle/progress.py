"""How far a long run is: a bar with speed and time left on a terminal, a plain line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final, TextIO, TypeVar

_LINE_SECONDS: Final = 5.0
_AT_ONCE: Final = 100
Advance = Callable[[int], None]
Item = TypeVar("Item")


def followed(items: Iterable[Item], what: str, unit: str) -> Iterator[Item]:
    """Yield *items*, and show how many there were so far."""
    count = 0
    with progress(what, None, unit) as advance:
        for item in items:
            yield item
            count += 1
            if count == _AT_ONCE:
                advance(count)
                count = 0
        advance(count)


@contextmanager
def progress(
    what: str, total: int | None, unit: str, file: TextIO | None = None, done: int = 0
) -> Iterator[Advance]:
    """Show on *file*, standard error unless given, how many *unit* are done.

    Args:
        what: is being done, such as ``scoring``.
        total: how many there are; None where nobody knows.
        unit: in the plural, such as ``rows``.
        file: a terminal gets a bar, anything else a line every five seconds and one at the end.
        done: how many were done before, in an earlier run.

    Yields:
        What is to be called with the number that were done since the last call.
    """
    file = file or sys.stderr
    if file.isatty() and find_spec("tqdm"):  # who only serves has none
        yield from _bar(what, total, unit, file, done)
        return
    lines = _Lines(what, total, unit, file, done)
    yield lines.advance
    lines.end()


def _bar(what: str, total: int | None, unit: str, file: TextIO, done: int) -> Iterator[Advance]:
    from tqdm import tqdm  # noqa: PLC0415

    bar = tqdm(desc=what, total=total, initial=done, unit=f" {unit}", unit_scale=True, file=file)
    with bar:
        yield lambda count: bar.update(count) and None


class _Lines:
    """Says how far it is, in lines that a log can hold."""

    def __init__(self, what: str, total: int | None, unit: str, file: TextIO, done: int) -> None:
        self._what, self._total, self._unit, self._file = what, total, unit, file
        self._before = self._done = done
        self._began = self._told = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told >= _LINE_SECONDS:
            self._told = now
            self._say(now)

    def end(self) -> None:
        self._say(time.monotonic())

    def _say(self, now: float) -> None:
        rate = (self._done - self._before) / max(now - self._began, 1e-9)
        of = f" of {self._total:,}" if self._total is not None else ""
        left = ""
        if self._total is not None and rate > 0 and self._done < self._total:
            left = f", {(self._total - self._done) / rate:.0f} s left"
        text = f"{self._what}: {self._done:,}{of} {self._unit}, {rate:,.0f} a second{left}"
        print(text, file=self._file, flush=True)
