"""Measure start, memory, and what a second worker adds: ``make bench``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks import models, report
from benchmarks.cores import say
from benchmarks.laboratory import laboratory
from benchmarks.peers.contest import Contest
from benchmarks.peers.entries import TWO_CORES, Entry, gateway
from benchmarks.peers.results import Results
from benchmarks.report import markdown
from benchmarks.server import Workshop

_KINDS: Final = ("granian", "gunicorn")
NOTES: Final = """\
One row of iris (logistic regression), a new input each time, {connections} connections; medians
over {rounds} slices of {seconds:g} s, which take turns. Start: to the first answer, median of
{starts}; one worker on one core. Memory: PSS of launcher, server and workers, warm. /CPU s: good
answers for each CPU second of all its processes. answers/s: what the cores of the server would
give if the load generator, which shares them with two workers, used none of their time."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 when any request went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="slices of each row; default: 5")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a slice; default: 1")
    options = parser.parse_args(argv)
    results = Results(report.machine())
    with laboratory() as lab:
        say("training")
        workshop = Workshop.build(lab.root / "gateway", models.build(lab.root)["logistic"])
        entries = _entries(workshop, most_workers=1 if lab.server_core is None else 2)
        contest = Contest(results, lab)
        contest.enter(entries)
        contest.run(options.rounds, options.seconds)
    said = NOTES.format(
        rounds=options.rounds,
        seconds=options.seconds,
        connections=TWO_CORES.connections,
        starts=entries[0].starts,
    )
    print("Start, memory and workers:", table(results, entries), said, sep="\n\n")
    return 1 if results.failures or any(point.errors for point in results.points) else 0


def _entries(workshop: Workshop, *, most_workers: int) -> list[Entry]:
    return [
        gateway(f"{kind}, {n_workers}", workshop, (TWO_CORES,), kind, workers=n_workers)
        for kind in _KINDS
        for n_workers in range(1, most_workers + 1)
    ]


def table(results: Results, entries: Sequence[Entry]) -> str:
    """Return one row for each of *entries* that came up."""
    rows = []
    for entry in entries:
        found = results.footprint(entry.name, entry.model.name)
        points = results.of(entry.name, TWO_CORES.name)
        if found is None or not points:
            continue
        per_second = median(point.per_second(entry.workers) for point in points)
        per_cpu_second = median(point.per_cpu_second for point in points)
        figures = (found.pss_mib, per_cpu_second, per_second)
        shown = [f"{figure:.0f}" for figure in figures]
        rows.append([entry.name, f"{found.up_seconds:.2f}", *shown])
    return markdown(["server, workers", "start s", "MiB", "/CPU s", "answers/s"], rows)


if __name__ == "__main__":
    raise SystemExit(main())
