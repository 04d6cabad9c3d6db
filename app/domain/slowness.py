"""Where slow begins: a quantile of the champion's durations, for requests of like size."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

LEAST_KNOWN: Final = 40  # requests of a size, so that two or more lie beyond the 95th percentile


class Timed(NamedTuple):
    """One answered request."""

    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Slowness:
    """The same limits for both versions, fixed before the trial begins.

    Sizes are powers of two, because a caller stays with one version: without them, a version whose
    callers happen to send many rows would be the slow one.

    Args:
        limit_seconds: by number of binary digits of the number of rows; not empty.
    """

    limit_seconds: Mapping[int, float]

    def is_slow(self, timed: Timed) -> bool:
        """Say whether the champion would seldom take so long; unknown sizes go by the nearest."""
        size = timed.rows.bit_length()
        if size not in self.limit_seconds:
            size = min(self.limit_seconds, key=lambda known: abs(known - size))
        return timed.seconds > self.limit_seconds[size]


def learn(answered: Iterable[Timed], quantile: float) -> Slowness | None:
    """Return the limits that follow from what the champion *answered* before the trial.

    Args:
        answered: by its engine, not from a cache, in the conditions of the trial.
        quantile: share of the champion's requests that are not slow, between 0 and 1.

    Returns:
        None while no size has forty requests.
    """
    seconds: dict[int, list[float]] = defaultdict(list)
    for timed in answered:
        seconds[timed.rows.bit_length()].append(timed.seconds)
    limits = {
        size: sorted(known)[math.ceil(quantile * len(known)) - 1]
        for size, known in seconds.items()
        if len(known) >= LEAST_KNOWN
    }
    return Slowness(limits) if limits else None
