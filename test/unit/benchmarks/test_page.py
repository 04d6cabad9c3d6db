from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.page import NoMarksError, put, replaced

PAGE = "# Speed\n\n<!-- peers: begin -->\nold\n<!-- peers: end -->\n\nThe end.\n"


def test_a_rerun_replaces_what_the_last_one_has_put_there() -> None:
    once = replaced(PAGE, "peers", "first\n")
    twice = replaced(once, "peers", "second\n")

    assert "old" not in once
    assert twice == once.replace("first", "second")
    assert twice.endswith("<!-- peers: end -->\n\nThe end.\n")


def test_a_page_without_the_marks_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    with pytest.raises(NoMarksError, match="growth"):
        put("growth", "text", page=page)

    assert page.read_text() == PAGE
