"""What a call costs: CPU time, which other work on the machine changes less than the clock's."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Final

_MEASURED_SECONDS: Final = 0.05
_LEAST_CALLS: Final = 5
_MOST_CALLS: Final = 100


def median_us(call: Callable[[], object]) -> float:
    """Return the median CPU time of *call* in microseconds, warmed up."""
    call()
    spent: list[float] = []
    while len(spent) < _LEAST_CALLS or (
        sum(spent) < _MEASURED_SECONDS and len(spent) < _MOST_CALLS
    ):
        began = process_time()
        call()
        spent.append(process_time() - began)
    return max(round(median(spent) * 1e6, 1), 0.1)
