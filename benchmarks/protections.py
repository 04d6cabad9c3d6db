"""Measure what each protection costs: ``make bench``, ``python -m benchmarks.protections``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Final

from benchmarks import models
from benchmarks.cores import say
from benchmarks.gateway import CASES, Bench
from benchmarks.laboratory import laboratory
from benchmarks.report import Slice, machine, markdown
from benchmarks.server import Workshop
from benchmarks.stripped import PROTECTIONS

ALL: Final = "all of them"
NONE: Final = "none of them"
_CASE: Final = next(case for case in CASES if case.outcome == "miss")
_WARM_SECONDS: Final = 1.0
NOTES: Final = """\
Microseconds of CPU (user and system, of all the server's processes) for each answer, Granian, one
worker, one row of iris (logistic regression), a new input each time, a token that is remembered,
{connections} connections. Median over {rounds} slices of {seconds:g} s; the slices take turns.
'cost' is what an answer costs more with the protection than without it, as the median of the
differences within a round; ±: half their interquartile range. 'all of them' against 'none of them'
is measured, not added up. Audit records are written within their slice, ten times a second."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 when any request went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="slices of each row, 2 or more")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a slice; default: 1")
    options = parser.parse_args(argv)
    slices = _measure(options.rounds, options.seconds)
    said = NOTES.format(
        connections=slices[ALL][0].connections, rounds=options.rounds, seconds=options.seconds
    )
    print("Cost of each protection:", table(slices), said, machine(), sep="\n\n")
    return 1 if any(one.errors for found in slices.values() for one in found) else 0


def table(slices: dict[str, list[Slice]]) -> str:
    """Return one row for each protection, then all of them together.

    Args:
        slices: by what was left out; ``ALL`` for nothing, ``NONE`` for everything.
    """
    spent = {name: [1e6 / one.answers_per_cpu_second for one in of] for name, of in slices.items()}
    base = median(spent[NONE])
    rows = [_row(name, spent[ALL], spent[name], base) for name in PROTECTIONS]
    rows.append(_row("all together", spent[ALL], spent[NONE], base))
    heads = ["protection", "cost, µs", "±", "% of none"]
    return f"{markdown(heads, rows)}\n\nAn answer without any of them: {base:.0f} µs."


def _row(name: str, full: Sequence[float], less: Sequence[float], base: float) -> list[str]:
    costs = [with_it - without for with_it, without in zip(full, less, strict=True)]
    low, middle, high = quantiles(costs, n=4, method="inclusive")
    return [name, f"{middle:.0f}", f"{(high - low) / 2:.0f}", f"{100 * middle / base:.1f}"]


def _measure(rounds: int, seconds: float) -> dict[str, list[Slice]]:
    one_by_one = {name: (name,) for name in PROTECTIONS}
    left_out: dict[str, tuple[str, ...]] = {ALL: (), NONE: PROTECTIONS} | one_by_one
    with laboratory() as lab:
        say("training")
        workshop = Workshop.build(lab.root / "gateway", models.build(lab.root)["logistic"])
        say("starting the servers")
        module = "benchmarks.stripped"
        servers = {
            name: lab.on_server_core(workshop.server("granian", module=module, without=without))
            for name, without in left_out.items()
        }
        bench = Bench(workshop, lab.loader)
        for server in servers.values():
            server.wait_until_up()
            list(bench.slices(server, _CASE, _WARM_SECONDS))
        found: dict[str, list[Slice]] = {name: [] for name in servers}
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            order = list(servers)
            start = number % len(order)
            for name in [*order[start:], *order[:start]]:
                found[name].append(bench.crowded(servers[name], _CASE, seconds))
        return found


if __name__ == "__main__":
    raise SystemExit(main())
