"""What a comparison has found: kept as JSON after every round, so that it can be taken up again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One slice of load on one server.

    Attributes:
        failures: requests without a good answer, by status.
        cpu_seconds: user and system time of all processes of the server, until it was quiet again.
        idle_seconds: for which the cores that it may use had nothing to do.
        engine_us: what the gateway says its engine took; NaN for all others.
    """

    server: str
    workload: str
    round: int
    answers: int
    failures: dict[str, int]
    seconds: float
    cpu_seconds: float
    idle_seconds: float
    p50_ms: float
    p99_ms: float
    load_cpu_seconds: float
    engine_us: float

    @property
    def errors(self) -> int:
        """All requests without a good answer."""
        return sum(self.failures.values())

    @property
    def per_cpu_second(self) -> float:
        """Good answers for each CPU second of the server."""
        return self.answers / self.cpu_seconds if self.cpu_seconds > 0 else 0.0

    def per_second(self, cores: int) -> float:
        """Good answers a second, had nobody else used the *cores* that the server may use."""
        had = self.cpu_seconds + self.idle_seconds
        return self.answers * cores / had if had > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a server costs before it is asked much.

    Attributes:
        up_seconds: from start to the first prediction.
        pss_mib: memory (PSS) of all its processes, warmed up.
        worker_mib: the same of the one that answers, alone.
    """

    server: str
    model: str
    up_seconds: float
    pss_mib: float
    worker_mib: float


@dataclass(slots=True)
class Results:
    """All of one run."""

    machine: str
    points: list[Point] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return what :meth:`write` has written.

        Raises:
            OSError, ValueError, TypeError: it cannot be read, or is something else.
        """
        raw = json.loads(file.read_text(encoding="utf-8"))
        points = [Point(**one) for one in raw.pop("points")]
        footprints = [Footprint(**one) for one in raw.pop("footprints")]
        return cls(**raw, points=points, footprints=footprints)

    def write(self, file: Path) -> None:
        """Write all of it as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def rounds(self) -> int:
        """Return how many rounds are there."""
        return max((point.round for point in self.points), default=-1) + 1

    def of(self, server: str, workload: str) -> list[Point]:
        """Return the points of one server and workload, by round."""
        found = [one for one in self.points if (one.server, one.workload) == (server, workload)]
        return sorted(found, key=lambda point: point.round)

    def rate(self, server: str, workload: str) -> float | None:
        """Return the median of good answers for each CPU second; None when it was not measured."""
        rates = [point.per_cpu_second for point in self.of(server, workload)]
        return median(rates) if rates else None

    def footprint(self, server: str, model: str) -> Footprint | None:
        """Return the last one of *server* with *model*."""
        found = [one for one in self.footprints if (one.server, one.model) == (server, model)]
        return found[-1] if found else None
