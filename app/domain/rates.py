"""Rates such as ``100 per minute``: the notation of the settings, and what a limit decided."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_NOTATION = re.compile(
    r"(?P<limit>[1-9]\d{0,9})\s*(?:/|per)\s*(?P<many>[1-9]\d{0,5})?\s*(?P<unit>second|minute|hour|day)s?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``limit`` requests in any stretch of ``window_seconds``."""

    limit: int
    window_seconds: int

    @property
    def name(self) -> str:
        """The policy's name in the ``RateLimit`` header, such as ``60s``."""
        return f"{self.window_seconds}s"


@dataclass(frozen=True, slots=True)
class Admission:
    """What the limits said to one request.

    ``remaining`` and ``reset_seconds`` belong to ``rate``, the one nearest to its end.
    """

    allowed: bool
    rate: Rate
    remaining: int
    reset_seconds: int


@lru_cache(64)
def parse_rates(text: str) -> tuple[Rate, ...]:
    """Read rates separated by ``;``, such as ``10 per second; 1000 per 2 hours``.

    Raises:
        ValueError: a part is not a rate, or two parts have the same window.
    """
    rates = tuple(_parse(part) for part in re.split(r"[;,]", text) if part.strip())
    if not rates:
        raise ValueError("is empty")
    if len({rate.window_seconds for rate in rates}) < len(rates):
        raise ValueError("names one window twice")
    return rates


def _parse(part: str) -> Rate:
    found = _NOTATION.fullmatch(part.strip())
    if found is None:
        message = f"{part.strip()!r} is not a rate"
        raise ValueError(message)
    window = int(found["many"] or 1) * _SECONDS[found["unit"].lower()]
    return Rate(limit=int(found["limit"]), window_seconds=window)
