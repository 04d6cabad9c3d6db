"""Measure what is left of the gateway at several times its capacity: ``make bench-overload``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks import models, page, report
from benchmarks.arrivals import Arrivals, Met, meet
from benchmarks.cores import say
from benchmarks.laboratory import laboratory
from benchmarks.load import Load, drive
from benchmarks.peers.entries import THROUGHPUT, Workload
from benchmarks.report import markdown
from benchmarks.server import Server, Workshop

_CALM: Final = 0.3
_WARM_SECONDS: Final = 1.0
NOTES: Final = """\
Granian, one worker on one core, every protection on; medians over {rounds} rounds of three slices
of {seconds:g} s each. Capacity: answers a second with 16 connections, each of which waits for its
answer. Then requests come at a fixed rate, whatever becomes of those before them: 'unloaded' is
{calm:g} of the capacity, 'overloaded' {times:g} times the capacity, on up to 1,000 connections.
Latencies count from the moment at which a request was due. Goodput: answers with status 200, as a
share of the capacity. Refused: 503 with Retry-After. Failed: anything else, and no answer."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one workload; *capacity* is in answers a second."""

    capacity: float
    calm: Met
    overload: Met


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a request was neither answered nor refused."""
    options = _parser().parse_args(argv)
    found: dict[str, list[Round]] = {}
    with laboratory() as lab:
        say("training")
        trained = models.build(lab.root)
        for workload in (one for one in THROUGHPUT if one.name in options.workloads):
            workshop = Workshop.build(lab.root / workload.name, trained[workload.model])
            server = lab.on_server_core(workshop.server("granian"))
            server.wait_until_up()
            found[workload.name] = _rounds(lab.loader, workshop, server, workload, options)
    said = NOTES.format(
        rounds=options.rounds, seconds=options.seconds, calm=_CALM, times=options.times
    )
    text = "\n\n".join([table(found), said, report.machine()])
    print(text)
    if options.page:
        page.put("overload", text)
    return 1 if any(one.overload.errors for rounds in found.values() for one in rounds) else 0


def _parser() -> argparse.ArgumentParser:
    names = [workload.name for workload in THROUGHPUT]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a slice; default: 2")
    parser.add_argument("--times", type=float, default=3.0, help="the capacity; default: 3")
    parser.add_argument("--workloads", nargs="+", choices=names, default=[names[0], names[3]])
    parser.add_argument("--page", action="store_true", help="put it into docs/performance.md")
    return parser


def _rounds(
    loader: ProcessPoolExecutor,
    workshop: Workshop,
    server: Server,
    workload: Workload,
    options: argparse.Namespace,
) -> list[Round]:
    messages = workshop.messages(workshop.token(), workload.n_rows)
    number = 1

    def capacity(seconds: float) -> float:
        nonlocal number
        load = Load(
            port=server.port,
            messages=messages,
            first_number=number,
            connections=workload.connections,
            seconds=seconds,
        )
        found = loader.submit(drive, load).result()
        number += found.answers + found.errors
        return found.answers / found.seconds

    def met(per_second: float) -> Met:
        nonlocal number
        arrivals = Arrivals(
            port=server.port,
            messages=messages,
            first_number=number,
            per_second=per_second,
            seconds=options.seconds,
        )
        number += round(per_second * options.seconds)
        return loader.submit(meet, arrivals).result()

    capacity(_WARM_SECONDS)
    rounds = []
    for index in range(options.rounds):
        say(f"{workload.name}: round {index + 1} of {options.rounds}")
        reached = capacity(options.seconds)
        if not reached:
            raise SystemExit(f"{workload.name}: the gateway gives no good answer")
        rounds.append(Round(reached, met(_CALM * reached), met(options.times * reached)))
    return rounds


def table(found: dict[str, list[Round]]) -> str:
    """Return one row for each workload; figures are medians over its rounds."""
    rows = []
    for name, rounds in found.items():
        shares = [one.overload.answers / one.overload.seconds / one.capacity for one in rounds]
        refused = [one.overload.refused / one.overload.offered for one in rounds]
        failed = sum(one.overload.errors for one in rounds)
        waits = (
            median(one.calm.p99_ms for one in rounds),
            median(one.overload.p99_ms for one in rounds),
            median(one.overload.refused_p99_ms for one in rounds),
        )
        capacity = f"{median(one.capacity for one in rounds):.0f}"
        shown = [f"{median(shares):.0%}", f"{median(refused):.0%}", str(failed)]
        rows.append([name, capacity, *shown, *(f"{wait:.1f}" for wait in waits)])
    heads = ["capacity/s", "goodput", "refused", "failed"]
    waits_of = ["p99 ms unloaded", "p99 ms overloaded", "p99 ms of refusals"]
    return markdown(["workload", *heads, *waits_of], rows)


if __name__ == "__main__":
    raise SystemExit(main())
