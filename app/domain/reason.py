"""The reason that somebody gives for a change: what a history can keep, and a terminal can show."""

from __future__ import annotations

from typing import Final

LONGEST_REASON: Final = 500
"""Characters."""


def checked_reason(text: str) -> str:
    """Return *text* when it is printable and not too long; it may be empty.

    Raises:
        ValueError: it is not; the message says why.
    """
    if len(text) > LONGEST_REASON:
        raise ValueError(f"the reason has {len(text)} characters; at most {LONGEST_REASON} fit")
    strange = next((it for it in text if not it.isprintable()), None)
    if strange is not None:
        raise ValueError(
            f"the reason has a character that cannot be printed, {strange!a}; give one line of text"
        )
    return text


def printable(text: str) -> str:
    """Return *text* with escapes in the place of what cannot be printed."""
    return "".join(it if it.isprintable() else ascii(it)[1:-1] for it in text)
