"""What the gateway sets out to reach, and how far it came in one run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.peers import entries
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.entries import ALONE, ONE_LOGISTIC, OURS, OURS_GUNICORN, Workload
from benchmarks.peers.results import Point, Results

_EVERY: Final = tuple(peer.name for peer in PEERS)
_PLAIN: Final = tuple(peer.name for peer in PEERS if not peer.batches)
_BATCHING: Final = tuple(peer.name for peer in PEERS if peer.batches)


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table.

    Attributes:
        wanted: the bound, in the words of the table.
        measured: None when a server that it needs did not take part.
        against: the peer it was compared with, where there is one.
    """

    what: str
    wanted: str
    measured: float | None
    unit: str
    is_met: bool
    against: str = ""


def goals(results: Results) -> list[Goal]:
    """Return every goal with what was measured."""
    return [*_throughput(results), *_one_connection(results), *_ourselves(results)]


def _throughput(results: Results) -> Iterator[Goal]:
    asked: tuple[tuple[Workload, str, Sequence[str], str, float], ...] = (
        (ONE_LOGISTIC, OURS, _EVERY, "the best peer", 8),
        (entries.ONE_FOREST, OURS, _PLAIN, "the best peer without batching", 40),
        (entries.ONE_FOREST, OURS, _BATCHING, "the best peer with batching", 8),
        (entries.MANY_LOGISTIC, OURS, _EVERY, "the best peer", 6),
        (entries.MANY_FOREST, OURS, _EVERY, "the best peer", 6),
        (ONE_LOGISTIC, OURS_GUNICORN, _EVERY, "the best peer", 2),
    )
    for workload, ours, peers, words, least in asked:
        best = best_of(results, workload.name, peers)
        ratio = _ratio(results, workload.name, ours, best, lambda point: point.per_cpu_second)
        server = ", under gunicorn" if ours == OURS_GUNICORN else ""
        yield _at_least(f"{workload.name}{server}, against {words}", least, ratio, "x", best or "")


def _one_connection(results: Results) -> Iterator[Goal]:
    waits = {
        name: median(point.p50_ms for point in points)
        for name in _EVERY
        if (points := results.of(name, ALONE.name))
    }
    best = min(waits, key=waits.__getitem__, default=None)
    share = _ratio(results, ALONE.name, OURS, best, lambda point: point.p50_ms)
    what = "one connection, p50 as a share of the best peer's"
    yield _at_most(what, 0.25, share, "", best or "")


def _ourselves(results: Results) -> Iterator[Goal]:
    yield _at_least(
        "requests/s of the empty function under the same server, less the engine's own time",
        0.20,
        _floor_share(results),
        "",
    )
    yield _at_least("two workers on two cores, against one on one", 1.8, _scaling(results), "x")
    found = results.footprint(OURS, ONE_LOGISTIC.model)
    memory, start = (found.worker_mib, found.up_seconds) if found else (None, None)
    yield _at_most("memory (PSS) of the worker", 110, memory, " MiB")
    yield _at_most("start to the first answer", 1.5, start, " s")


def best_of(results: Results, workload: str, peers: Sequence[str]) -> str | None:
    """Return which of *peers* gives most answers a CPU second; None when none took part."""
    rates = {name: rate for name in peers if (rate := results.rate(name, workload))}
    return max(rates, key=rates.__getitem__, default=None)


def _ratio(
    results: Results,
    workload: str,
    ours: str,
    theirs: str | None,
    figure: Callable[[Point], float],
) -> float | None:
    """Return the median over the rounds of ours over theirs, each within its round."""
    others = {point.round: point for point in results.of(theirs or "", workload)}
    ratios = [
        figure(point) / figure(others[point.round])
        for point in results.of(ours, workload)
        if point.round in others and figure(others[point.round]) > 0
    ]
    return median(ratios) if ratios else None


def _floor_share(results: Results) -> float | None:
    empty = {point.round: point for point in results.of(entries.EMPTY, ONE_LOGISTIC.name)}
    alone = [point.engine_us for point in results.of(OURS, ALONE.name)]
    known = [spent for spent in alone if not math.isnan(spent)]
    if not known:
        return None
    shares = [
        (1e6 / empty[point.round].per_cpu_second) / (1e6 / point.per_cpu_second - median(known))
        for point in results.of(OURS, ONE_LOGISTIC.name)
        if point.round in empty and point.answers and empty[point.round].answers
    ]
    return median(shares) if shares else None


def _scaling(results: Results) -> float | None:
    twice = {point.round: point for point in results.of(entries.OURS_TWICE, entries.TWO_CORES.name)}
    gains = [
        twice[point.round].per_second(2) / point.per_second(1)
        for point in results.of(OURS, ONE_LOGISTIC.name)
        if point.round in twice and point.answers
    ]
    return median(gains) if gains else None


def _at_least(what: str, bound: float, found: float | None, unit: str, against: str = "") -> Goal:
    is_met = found is not None and found >= bound
    return Goal(what, f"≥ {bound:g}{unit}", found, unit, is_met, against)


def _at_most(what: str, bound: float, found: float | None, unit: str, against: str = "") -> Goal:
    is_met = found is not None and found <= bound
    return Goal(what, f"≤ {bound:g}{unit}", found, unit, is_met, against)
