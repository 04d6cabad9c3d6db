"""What a shadow has found in some seconds, as one event of the audit log.

A record of each comparison would cost more than the comparing: the requests are in the log already.
So it sums them up, beside the one on which the candidate was furthest from the champion.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

import orjson

from app.domain.audit import Event, Evidence
from app.domain.comparison import ShadowReport
from app.domain.contract import Contract
from app.domain.ports import Scores
from app.domain.results import encoded
from app.domain.shadow import Answered

ROUTE: Final = "shadow"


class Worst(NamedTuple):
    """A request on which the candidate was as far from the champion as on no other.

    Attributes:
        distance: whether it failed, the share of rows that differ, their largest difference.
        scores: of the candidate; None where it failed.
        problem: the kind of its failure.
    """

    distance: tuple[bool, float, float]
    copy: Answered
    scores: Scores | None = None
    problem: str | None = None


class ShadowRecord:
    """Sums up the comparisons of one candidate. For one thread."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._begin()

    def _begin(self) -> None:
        self._since: float | None = None
        self._n_requests = self._n_failed = self._n_rows = self._n_agreeing = 0
        self._largest: float | None = None
        self._seconds: dict[str, list[float]] = {"champion": [], "candidate": []}
        self._worst: Worst | None = None

    @property
    def age_seconds(self) -> float:
        """Time since the first comparison; 0 where there is none."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def add(self, report: ShadowReport, worst: Worst) -> None:
        """Count one call, of whose requests *worst* is the one that differed most."""
        if self._since is None:
            self._since = time.monotonic()
        self._n_requests += report.n_requests
        found = report.comparison
        if found is None:
            self._n_failed += report.n_requests
        else:
            self._n_rows += found.n_rows
            self._n_agreeing += found.n_agreeing
            if found.largest is not None:
                self._largest = max(found.largest, self._largest or 0.0)
        self._seconds["champion"] += report.champion_seconds
        if report.candidate_seconds is not None:
            self._seconds["candidate"] += [report.candidate_seconds] * report.n_requests
        if self._worst is None or worst.distance > self._worst.distance:
            self._worst = worst

    def taken(self) -> Event | None:
        """Return what was found and begin anew; None where nothing was."""
        if self._worst is None:
            return None
        copy, problem = self._worst.copy, self._worst.problem
        event = Event(
            kind="prediction",
            at=time.time(),
            request_id=copy.request_id,
            method="POST",
            route=ROUTE,
            status=200 if problem is None else 500,
            seconds=self.age_seconds,
            address=copy.address,
            subject=copy.subject,
            problem=problem,
            detail=orjson.dumps(self._summary(copy)).decode(),
            evidence=Evidence(self._contract, copy.matrix, self._fragment(self._worst)),
        )
        self._begin()
        return event

    def _fragment(self, worst: Worst) -> bytes:
        if worst.scores is None:
            return b""
        return encoded(self._contract, worst.scores, with_probabilities=False)

    def _summary(self, copy: Answered) -> dict[str, Any]:
        medians = {
            f"median_{role}_us": round(sorted(seconds)[len(seconds) // 2] * 1e6, 1)
            for role, seconds in self._seconds.items()
            if seconds
        }
        return {
            "champion": copy.model.contract.version,
            "requests": self._n_requests,
            "failed": self._n_failed,
            "rows": self._n_rows,
            "agreeing_rows": self._n_agreeing,
            "largest_difference": self._largest,
            **medians,
        }
