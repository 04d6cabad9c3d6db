"""What a shadow does with its copies: many of them go to the candidate in one call.

One by one a copy costs as much as the request that it is of; together a row costs what the model
itself takes for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from app.adapters.engines.batched import joined_probabilities
from app.adapters.shadow_record import ShadowRecord, Worst
from app.domain.comparison import Answers, Comparison, ShadowReport, compare
from app.domain.ports import Audit, Matrix, Metrics, Probabilities, Scores
from app.domain.prediction import ServedModel
from app.domain.shadow import Answered
from app.domain.traffic import Split
from app.errors import AuditDownError

log = logging.getLogger("gatehouse.shadow")
RECORD_SECONDS: Final = 5.0  # one record of the audit log sums up so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who hears of a comparison. An audit log that is slow or down costs copies, no answers.

    ``compared`` is told of each that was made, or at which the candidate failed.
    """

    metrics: Metrics
    audit: Audit
    compared: Callable[[ShadowReport], None] | None = None


class _Theirs(NamedTuple):
    """What the champion answered to several requests."""

    predictions: Matrix
    probabilities: Probabilities | None


class ShadowWork:
    """Scores copies with *candidate*, compares and tells. For one thread."""

    def __init__(self, candidate: ServedModel, split: Split, listeners: Listeners) -> None:
        self.candidate = candidate
        self.split = split
        self.listeners = listeners
        self._record = ShadowRecord(candidate.contract)

    def follow(self, copies: Sequence[Answered]) -> None:
        """Have the candidate score *copies*, each with at least one row.

        Those that one version answered go together, what it remembered by itself.
        """
        groups: dict[tuple[int, bool], list[Answered]] = {}
        for copy in copies:
            groups.setdefault((copy.model.serial, copy.result.scores is None), []).append(copy)
        for group in groups.values():
            self._together(group)

    def remember_when_due(self) -> None:
        """Sum up in the audit log, at most every ``RECORD_SECONDS``."""
        if self._record.age_seconds >= RECORD_SECONDS:
            self.remember()

    def remember(self) -> None:
        """Sum up what was found since the last time."""
        event = self._record.taken()
        if event is None:
            return
        try:
            self.listeners.audit.record(event)
        except AuditDownError:
            log.debug("comparisons not remembered")

    def _together(self, copies: Sequence[Answered]) -> None:
        """Score *copies* in one call, or where that fails each by itself; whatever it raises."""
        started = perf_counter()
        try:
            matrix = copies[0].matrix
            if len(copies) > 1:
                matrix = np.concatenate([it.matrix for it in copies])
            scores = self.candidate.engine.predict(matrix)
            seconds = (perf_counter() - started) / len(copies)
            task, tolerance = self.candidate.contract.task, self.split.tolerance
            found = compare(_theirs(copies), scores, task, tolerance)
        except Exception as error:
            if len(copies) > 1:
                for copy in copies:
                    self._together([copy])
                return
            log.debug("shadow failed", exc_info=True)
            report = ShadowReport(self.split.model, self.split.version, "failed")
            worst = Worst((True, 0.0, 0.0), copies[0], problem=type(error).__name__)
        else:
            report, worst = self._reported(copies, scores, found, seconds)
        self._tell(report, worst)

    def _reported(
        self, copies: Sequence[Answered], scores: Scores, found: Comparison, seconds: float
    ) -> tuple[ShadowReport, Worst]:
        sizes = np.array([len(it.matrix) for it in copies])
        ends = sizes.cumsum()
        differing = 1.0 - np.add.reduceat(found.agrees, ends - sizes, dtype=np.int64) / sizes
        largest = np.zeros(len(copies))
        if found.differences is not None:
            largest = np.maximum.reduceat(found.differences, ends - sizes)
        at = int(np.lexsort((largest, differing))[-1])
        worst = Worst(
            (False, float(differing[at]), float(largest[at])),
            copies[at],
            scores.between(int(ends[at] - sizes[at]), int(ends[at])),
        )
        report = ShadowReport(
            self.split.model,
            self.split.version,
            "compared",
            n_requests=len(copies),
            n_alike=int(np.count_nonzero(differing == 0.0)),
            comparison=found,
            champion_seconds=tuple(it.seconds for it in copies if it.result.scores is not None),
            candidate_seconds=seconds,
        )
        return report, worst

    def _tell(self, report: ShadowReport, worst: Worst) -> None:
        self._record.add(report, worst)
        self.listeners.metrics.shadowed(report)
        if self.listeners.compared is not None:
            self.listeners.compared(report)


def _theirs(copies: Sequence[Answered]) -> Answers:
    known = [it.result.scores for it in copies if it.result.scores is not None]
    if known:
        predictions = np.concatenate([it.predictions for it in known])
        return _Theirs(predictions, joined_probabilities(known))
    return _Theirs(np.concatenate([_remembered(it.result.fragment) for it in copies]), None)


def _remembered(fragment: bytes) -> Matrix:
    members: dict[str, Any] = orjson.loads(b"{" + fragment + b"}")
    return np.array(members["predictions"])
