from __future__ import annotations

import os
import pty
from contextlib import suppress
from io import StringIO

import pytest

from app.lifecycle import progress as module
from app.lifecycle.progress import followed, progress


def test_elsewhere_than_on_a_terminal_the_end_is_one_plain_line() -> None:
    file = StringIO()

    with progress("scoring", 1_000, "rows", file) as advance:
        advance(400)
        advance(600)

    [line] = file.getvalue().splitlines()
    assert line.startswith("scoring: 1,000 of 1,000 rows, ")
    assert line.endswith(" a second")


def test_a_long_run_says_now_and_then_how_much_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LINE_SECONDS", 0.0)
    file = StringIO()

    with progress("scoring", 1_000, "rows", file, done=500) as advance:
        advance(250)

    first, _ = file.getvalue().splitlines()
    assert first.startswith("scoring: 750 of 1,000 rows, ")
    assert first.endswith(" s left")


def test_what_fails_ends_the_lines() -> None:
    file = StringIO()

    with pytest.raises(ValueError, match="no"), progress("scoring", 9, "rows", file):
        raise ValueError("no")

    assert file.getvalue() == ""


def _shown_on(terminal: int) -> str:
    """Return all that was written to *terminal*: one read may give a part of it."""
    shown = bytearray()
    with suppress(OSError):  # Linux ends a terminal whose other side is closed with EIO
        while some := os.read(terminal, 10_000):
            shown += some
    return shown.decode()


def test_a_terminal_gets_a_bar() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as file, progress("scoring", 1_000, "rows", file) as advance:
        advance(1_000)
    shown = _shown_on(ours)
    os.close(ours)

    assert "scoring" in shown
    assert "100%" in shown
    assert "rows/s" in shown


def test_what_is_followed_passes_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(followed(range(250), "reading", "records")) == list(range(250))

    assert "reading: 250 records, " in capsys.readouterr().err
