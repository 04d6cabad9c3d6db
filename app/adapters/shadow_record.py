"""What a shadow has found in some seconds, as one event of the audit log.

A record of each comparison would cost more than the comparing: the requests are in the log already.
So it sums them up, beside the one on which the candidate was furthest from the champion.
"""

from __future__ import annotations

import time
from typing import Any, Final

import orjson

from app.domain.audit import Event, Evidence
from app.domain.comparison import ShadowReport
from app.domain.contract import Contract
from app.domain.shadow import Answered

ROUTE: Final = "shadow"


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
        self._worst: tuple[tuple[bool, float, float], Answered, bytes, str | None] | None = None

    @property
    def age_seconds(self) -> float:
        """Time since the first comparison; 0 where there is none."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def add(
        self, copy: Answered, report: ShadowReport, fragment: bytes, problem: str | None = None
    ) -> None:
        """Count one comparison.

        Args:
            copy: the request.
            report: what became of it.
            fragment: the candidate's encoded results; nothing where it failed.
            problem: the kind of its failure.
        """
        if self._since is None:
            self._since = time.monotonic()
        self._n_requests += 1
        self._n_failed += problem is not None
        distance = (problem is not None, 0.0, 0.0)
        found = report.comparison
        if found is not None:
            self._n_rows += found.n_rows
            self._n_agreeing += found.n_agreeing
            largest = found.largest
            if largest is not None:
                self._largest = max(largest, self._largest or 0.0)
            distance = (False, 1.0 - found.n_agreeing / max(found.n_rows, 1), largest or 0.0)
        for role, seconds in (
            ("champion", report.champion_seconds),
            ("candidate", report.candidate_seconds),
        ):
            if seconds is not None:
                self._seconds[role].append(seconds)
        if self._worst is None or distance > self._worst[0]:
            self._worst = distance, copy, fragment, problem

    def taken(self) -> Event | None:
        """Return what was found and begin anew; None where nothing was."""
        if self._worst is None:
            return None
        _, copy, fragment, problem = self._worst
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
            evidence=Evidence(self._contract, copy.matrix, fragment),
        )
        self._begin()
        return event

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
