"""Rates such as ``100 per minute``: the notation of the settings, and what a limit decided."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
LONGEST_SECONDS = 366 * 86_400
_NOTATION = re.compile(
    r"(?P<limit>[1-9]\d{0,9})\s*(?:/|per)\s*(?P<many>[1-9]\d{0,5})?\s*(?P<unit>second|minute|hour|day)s?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``limit`` requests, or rows, in any stretch of ``window_seconds``.

    Where ``is_held``, at most so many at once: what was spent is given back when the request is
    answered, and ``window_seconds`` later where nobody was left to do so.
    """

    limit: int
    window_seconds: int
    policy: str = ""
    is_held: bool = False

    @property
    def name(self) -> str:
        """The name in the ``RateLimit`` header, such as ``60s`` or ``forests-60s``."""
        if self.is_held:
            return self.policy
        return f"{self.policy}-{self.window_seconds}s" if self.policy else f"{self.window_seconds}s"


class Charge(NamedTuple):
    """What a request costs somebody of one rate.

    Whose count it is, the rate's policy and its window tell one count from another.
    """

    key: str
    rate: Rate
    cost: int = 1


class Admission(NamedTuple):
    """What the limits said to one request.

    ``remaining`` and ``reset_seconds`` belong to ``rate``, the one nearest to its end. ``at`` is
    the store's time in seconds, by which ``Limits.give_back`` finds what was spent.
    """

    allowed: bool
    rate: Rate
    remaining: int
    reset_seconds: int
    at: float = 0.0

    @classmethod
    def uncounted(cls, charges: Sequence[Charge]) -> Admission:
        """Admit what could not be counted."""
        rate = charges[0].rate
        return cls(
            allowed=True,
            rate=rate,
            remaining=rate.limit,
            reset_seconds=rate.window_seconds,
        )


def decide(charge: Charge, spent: int, free_at: float, at: float) -> Admission:
    """Return what one rate says *at* a time, in seconds, to *charge*.

    Args:
        charge: what should be spent.
        spent: what was spent in the window until now.
        free_at: when there is room for a refused charge, or some room again.
        at: now.
    """
    rate, remaining = charge.rate, charge.rate.limit - spent
    allowed = charge.cost <= remaining
    # A held place is free as soon as another request is answered, which nobody can foretell.
    reset_seconds = 1 if rate.is_held else max(1, math.ceil(free_at - at))
    return Admission(allowed, rate, max(0, remaining - charge.cost * allowed), reset_seconds, at)


def decide_all(verdicts: Sequence[Admission]) -> Admission:
    """Return the refusal that lasts longest, or else what the rate nearest to its end says.

    Held places are told of only where nothing else is: they come back by themselves.
    """
    refused = [verdict for verdict in verdicts if not verdict.allowed]
    if refused:
        return max(refused, key=lambda verdict: verdict.reset_seconds)
    return min(verdicts, key=lambda said: (said.rate.is_held, said.remaining / said.rate.limit))


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
    if window > LONGEST_SECONDS:
        message = f"{part.strip()!r} is longer than a year"
        raise ValueError(message)
    return Rate(limit=int(found["limit"]), window_seconds=window)
