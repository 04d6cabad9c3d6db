"""What a user types after an option -> a value, or one sentence that says what is right."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import TypeVar

_T = TypeVar("_T")


def share_of(text: str) -> float:
    """Return a number from 0 to 1.

    Raises:
        ArgumentTypeError: *text* is none; so do the others here.
    """
    return _checked(float, text, lambda it: 0 <= it <= 1, "a number from 0 to 1, as 0.05")


def count_of(text: str) -> int:
    """Return a whole number from 1 on."""
    return _checked(int, text, lambda it: it >= 1, "a whole number from 1 on")


def seed_of(text: str) -> int:
    """Return a whole number from 0 on."""
    return _checked(int, text, lambda it: it >= 0, "a whole number from 0 on")


def time_of(text: str) -> datetime:
    """Return a moment, in UTC unless *text* says otherwise."""
    moment = _checked(datetime.fromisoformat, text, lambda _: True, "a time, as 2026-11-21T08:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def drift_of(text: str) -> tuple[str, float]:
    """Return name and number of ``NAME=BY``."""
    name, _, by = text.rpartition("=")
    return name, _checked(float, by, lambda it: bool(name) and isfinite(it), "as bmi=0.5")


def _checked(read: Callable[[str], _T], text: str, is_right: Callable[[_T], bool], what: str) -> _T:
    try:
        value = read(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not right: {what}") from None
    if not is_right(value):
        raise ArgumentTypeError(f"{text!r} is not right: {what}")
    return value
