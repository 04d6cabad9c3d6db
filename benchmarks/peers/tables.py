"""The comparison as Markdown and as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks.drawing import bars, shown
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.entries import (
    ALONE,
    EMPTY,
    EMPTY_GUNICORN,
    ONE_LOGISTIC,
    OURS,
    OURS_GUNICORN,
    OURS_TWICE,
    THROUGHPUT,
    TWO_CORES,
)
from benchmarks.peers.reach import Goal
from benchmarks.peers.results import Results
from benchmarks.report import markdown, spread

_SERVERS: Final = (OURS, OURS_GUNICORN, *(peer.name for peer in PEERS), EMPTY, EMPTY_GUNICORN)
_NOTES: Final = """\
Good answers for each CPU second of all processes of a server, in brackets half the interquartile
range: medians over {rounds} slices of {seconds:g} s, taken in turns with all the others. What a
server still does after a slice, such as writing its audit log, counts too. One worker
on one core, the load generator on another, 16 connections, and every request carries a number that
no other one has. p50: one connection, one row, logistic regression. Memory: PSS of all processes,
warm, with the logistic regression, as if nothing else on the machine had the same libraries open.
Start: to the first right answer, on one core. Gatehouse has every protection on (token, revocation,
rights, limits, audit log); the others have none. Before it is measured, each server answers a
thousand rows as scikit-learn does, or is left out."""


def tables(results: Results, goals: Sequence[Goal]) -> str:
    """Return the table of goals, then the one of servers, then what they mean."""
    spans = [point.seconds for point in results.points]
    notes = _NOTES.format(rounds=results.rounds(), seconds=round(median(spans), 1))
    left_out = [f"- {name}: {reason.splitlines()[-1]}" for name, reason in results.failures.items()]
    failed = ["Left out:\n\n" + "\n".join(left_out)] if left_out else []
    counted: Counter[str] = Counter()
    for point in results.points:
        counted.update({f"{point.server} {status}": n for status, n in point.failures.items()})
    errors = ", ".join(f"{what}: {n}" for what, n in sorted(counted.items())) or "none"
    return "\n\n".join(
        [
            _reached(goals),
            _servers(results),
            notes,
            f"Requests without a good answer: {errors}.",
            *failed,
            _versions(results),
            results.machine,
        ]
    )


def plot(results: Results) -> str:
    """Return the throughput of every server as an SVG picture."""
    panels = {
        f"{workload.name}: answers per CPU second": {
            name: rate
            for name in _SERVERS[:-2]
            if (rate := results.rate(name, workload.name)) is not None
        }
        for workload in THROUGHPUT
    }
    return bars(panels, ours=(OURS, OURS_GUNICORN))


def _reached(goals: Sequence[Goal]) -> str:
    rows = [
        [
            goal.what,
            goal.against,
            goal.wanted,
            "-" if goal.measured is None else f"{goal.measured:.3g}{goal.unit}",
            "-" if goal.measured is None else "met" if goal.is_met else "**missed**",
        ]
        for goal in goals
    ]
    return markdown(["goal", "best peer", "wanted", "measured", ""], rows, words=2)


def _servers(results: Results) -> str:
    names = [name for name in (*_SERVERS, OURS_TWICE) if _is_there(results, name)]
    rows = [
        [
            name,
            *(_rate(results, name, workload.name) for workload in THROUGHPUT),
            _wait(results, name),
            *_footprint(results, name),
        ]
        for name in names
    ]
    heads = [workload.name for workload in THROUGHPUT]
    return markdown(["server", *heads, "p50 ms", "MiB", "start s"], rows)


def _is_there(results: Results, name: str) -> bool:
    return any(point.server == name for point in results.points)


def _rate(results: Results, name: str, workload: str) -> str:
    if name == OURS_TWICE and workload == ONE_LOGISTIC.name:
        workload = TWO_CORES.name
    rates = [point.per_cpu_second for point in results.of(name, workload)]
    if not rates:
        return "-"
    return f"{shown(median(rates))} (±{spread(rates):.0%})"


def _wait(results: Results, name: str) -> str:
    waits = [point.p50_ms for point in results.of(name, ALONE.name)]
    return f"{median(waits):.2f}" if waits else "-"


def _footprint(results: Results, name: str) -> tuple[str, str]:
    found = results.footprint(name, ONE_LOGISTIC.model)
    return (f"{found.pss_mib:.0f}", f"{found.up_seconds:.1f}") if found else ("-", "-")


def _versions(results: Results) -> str:
    lines = [
        f"- {name}: {', '.join(f'{library} {number}' for library, number in found.items())}"
        for name, found in results.versions.items()
    ]
    return "\n".join(lines)
