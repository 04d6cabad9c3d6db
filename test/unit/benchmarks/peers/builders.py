"""Made-up measurements."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.peers.results import Footprint, Point, Results


def a_point(server: str, workload: str, **changes: Any) -> Point:
    """A hundred answers for a second of CPU time, unless something else is said."""
    fields: dict[str, Any] = {
        "server": server,
        "workload": workload,
        "round": 0,
        "answers": 100,
        "failures": {},
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "idle_seconds": 0.0,
        "p50_ms": 10.0,
        "p99_ms": 20.0,
        "load_cpu_seconds": 0.1,
        "engine_us": math.nan,
    }
    return Point(**(fields | changes))


def some_results(*points: Point, **changes: Any) -> Results:
    """Results of a machine with these points and one footprint."""
    footprints = [Footprint("Gatehouse, Granian", "logistic", 1.25, 149.5, 99.5)]
    return Results(**{"machine": "m", "points": list(points), "footprints": footprints} | changes)
