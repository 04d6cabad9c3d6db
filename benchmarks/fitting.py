"""How a cost grows: a power law through what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from math import log


def exponent(costs: Mapping[int, float]) -> float:
    """Return b of the power law a·n^b that is nearest to *costs* in the logarithms.

    Args:
        costs: by size n, at least two sizes, all positive.
    """
    points = [(log(size), log(cost)) for size, cost in costs.items()]
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    rise = sum((x - middle_x) * (y - middle_y) for x, y in points)
    return rise / sum((x - middle_x) ** 2 for x, _ in points)


def last_exponent(costs: Mapping[int, float]) -> float:
    """Return the exponent between the two largest sizes, where a constant part weighs least."""
    return exponent({size: costs[size] for size in sorted(costs)[-2:]})
