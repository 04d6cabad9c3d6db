"""Starts every server, then goes round them in short slices, so that all meet the same moods."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from random import Random
from statistics import median
from typing import Final

from benchmarks.asking import answers, ask
from benchmarks.cores import say, use
from benchmarks.laboratory import Laboratory
from benchmarks.load import Load, Measured, drive
from benchmarks.models import MANY
from benchmarks.peers.catalogue import predictions
from benchmarks.peers.entries import Entry, Workload
from benchmarks.peers.results import Footprint, Point, Results
from benchmarks.processes import NotUpError, Started, idle_seconds
from benchmarks.report import step_medians

_UP_SECONDS: Final = 120.0
_WARM_SECONDS: Final = 1.0
_FAILED: Final = (NotUpError, OSError, HTTPException, ValueError, LookupError)


class WrongAnswerError(ValueError):
    """A server does not predict what scikit-learn predicts, so its speed says nothing."""


@dataclass(slots=True)
class _Up:
    """An entry that is up."""

    entry: Entry
    port: int
    running: Started
    messages: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    number: int = 1


class Contest:
    """All servers of a run, up until the end, idle but for the one that is asked."""

    def __init__(self, results: Results, laboratory: Laboratory) -> None:
        self._results = results
        self._laboratory = laboratory
        self._up: list[_Up] = []

    def enter(self, entries: Sequence[Entry]) -> None:
        """Start and warm up *entries*; one that fails is noted and left out."""
        for entry in entries:
            with ExitStack() as own:
                try:
                    up, seconds = self._started(entry, own)
                    memory = self._warm(up)
                except _FAILED as error:
                    say(f"{entry.name}, {entry.model.name}: left out: {error}")
                    self._results.failures[f"{entry.name}, {entry.model.name}"] = str(error)
                    continue
                self._laboratory.keep(own)
            self._up.append(up)
            say(f"{entry.name}, {entry.model.name}: up after {seconds:.1f} s")
            footprint = Footprint(entry.name, entry.model.name, seconds, *memory)
            self._results.footprints.append(footprint)

    def run(self, rounds: int, seconds: float, save: Callable[[], object] = lambda: None) -> None:
        """Add rounds until there are *rounds*; *save* is called after each."""
        for number in range(self._results.rounds(), rounds):
            say(f"round {number + 1} of {rounds}")
            turns = [(up, workload) for up in self._up for workload in up.entry.workloads]
            Random(number).shuffle(turns)  # noqa: S311  nobody may always meet the same neighbour
            for up, workload in turns:
                self._results.points.append(self._point(up, workload, seconds, number))
            save()

    def _started(self, entry: Entry, stack: ExitStack) -> tuple[_Up, float]:
        """Return the entry once it has predicted, and the median seconds from start to then."""
        spans = []
        for _ in range(entry.starts - 1):
            with ExitStack() as short:
                spans.append(self._start(entry, short)[1])
        up, span = self._start(entry, stack)
        if entry.predicts and MANY in up.messages:
            _check(up)
        return up, median([*spans, span])

    def _start(self, entry: Entry, stack: ExitStack) -> tuple[_Up, float]:
        numbers = {workload.n_rows for workload in entry.workloads}
        messages = {n_rows: entry.messages(n_rows) for n_rows in sorted(numbers)}
        use(*self._cores(entry))
        port, running = stack.enter_context(entry.start())
        use(self._laboratory.load_core)
        first = messages[min(messages)][0] % 0
        seconds = running.wait_until(lambda: answers(port, first), at_most=_UP_SECONDS)
        return _Up(entry, port, running, messages), seconds

    def _warm(self, up: _Up) -> tuple[float, float]:
        """Put each workload on *up* for a moment.

        Returns:
            Its memory after the first, and that of its worker alone, in MiB.
        """
        found = []
        for workload in up.entry.workloads:
            self._drive(up, workload, _WARM_SECONDS)
            up.running.cpu_seconds_when_quiet()
            found.append((up.running.pss_mib(), up.running.busiest_pss_mib()))
        return found[0]

    def _point(self, up: _Up, workload: Workload, seconds: float, number: int) -> Point:
        cpu, idle = up.running.cpu_seconds(), self._idle_seconds(up)
        found = self._drive(up, workload, seconds)
        idle = self._idle_seconds(up) - idle
        return Point(
            server=up.entry.name,
            workload=workload.name,
            round=number,
            answers=found.answers,
            failures=found.failures,
            seconds=found.seconds,
            cpu_seconds=up.running.cpu_seconds_when_quiet() - cpu,
            idle_seconds=idle,
            p50_ms=found.p50_ms,
            p99_ms=found.p99_ms,
            load_cpu_seconds=found.cpu_seconds,
            engine_us=step_medians(found.heads).get("model", math.nan),
        )

    def _idle_seconds(self, up: _Up) -> float:
        known = [core for core in self._cores(up.entry) if core is not None]
        return idle_seconds(known) if known else math.nan

    def _cores(self, entry: Entry) -> tuple[int | None, ...]:
        """Return the cores that the entry may use: with several workers, the load's too."""
        both = (self._laboratory.server_core, self._laboratory.load_core)
        return both if entry.workers > 1 else both[:1]

    def _drive(self, up: _Up, workload: Workload, seconds: float) -> Measured:
        load = Load(
            port=up.port,
            messages=up.messages[workload.n_rows],
            first_number=up.number,
            connections=workload.connections,
            seconds=seconds,
        )
        found = self._laboratory.loader.submit(drive, load).result()
        up.number += found.answers + found.errors
        return found


def _check(up: _Up) -> None:
    """Compare the answer to a thousand rows with scikit-learn's, all but the row that is varied."""
    expected = up.entry.model.expected[1:]
    status, body = ask(up.port, up.messages[MANY][0] % 0)
    if status != 200 or predictions(json.loads(body))[1:] != expected:  # noqa: PLR2004  OK
        raise WrongAnswerError(f"status {status}, and not what scikit-learn predicts")
