from __future__ import annotations

import pytest

from app.domain.reason import LONGEST_REASON, checked_reason, printable


@pytest.mark.parametrize(
    "text", ["", "better on the new rows", "für é 数 🙂", "x" * LONGEST_REASON], ids=range(4)
)
def test_one_line_of_text_is_a_reason(text: str) -> None:
    assert checked_reason(text) == text
    assert printable(text) == text


@pytest.mark.parametrize(
    "strange", ["\n", "\t", "\x00", "\x1b", "\x7f", "\u202e", "\udc80"], ids=ascii
)
def test_what_a_terminal_would_obey_is_no_reason(strange: str) -> None:
    with pytest.raises(ValueError, match="one line of text"):
        checked_reason(f"red {strange} tape")

    assert printable(f"red {strange}") == f"red {ascii(strange)[1:-1]}"


def test_a_reason_has_an_end() -> None:
    with pytest.raises(ValueError, match="has 501 characters; at most 500 fit"):
        checked_reason("x" * 501)
