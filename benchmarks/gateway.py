"""Measure the gateway alone, on both servers: ``make bench``, ``python -m benchmarks.gateway``."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import models, report
from benchmarks.cores import cores, say
from benchmarks.laboratory import laboratory
from benchmarks.load import Load, Measured, drive
from benchmarks.report import FIRST_TOKEN, Slice
from benchmarks.server import Server, Workshop

SERVERS: Final = ("granian", "gunicorn")
CONNECTIONS: Final = (16, 1)
_FRESH_TOKENS: Final = 64
_WARM_SECONDS: Final = 0.4
_NOTHING: Final = Measured(
    seconds=0, answers=0, failures={}, p50_ms=0, p99_ms=0, cpu_seconds=0, heads=()
)
_RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the tables; ``outcome`` is what ``X-Cache`` must then say."""

    name: str
    cache_entries: int
    is_always_new: bool
    outcome: str


CASES: Final = (
    Case("cache hit", 1024, is_always_new=False, outcome="hit"),
    Case("new input each time", 1024, is_always_new=True, outcome="miss"),
    Case("cache off", 0, is_always_new=False, outcome="bypass"),
)


class Bench:
    """Puts slices of load on gateways that are up, one at a time."""

    def __init__(self, workshop: Workshop, loader: ProcessPoolExecutor) -> None:
        self._loader = loader
        self._workshop = workshop
        self._token = workshop.token()
        self._number = 1

    def slices(self, server: Server, case: Case, seconds: float) -> Iterator[Slice]:
        """Measure *case* once with each number of connections."""
        first = self._first_tokens(server)
        for connections in CONNECTIONS:
            yield self._slice(server, case, seconds, connections, first)

    def crowded(self, server: Server, case: Case, seconds: float) -> Slice:
        """Measure *case* once with many connections and a token that is remembered."""
        return self._slice(server, case, seconds, max(CONNECTIONS), _NOTHING)

    def _slice(
        self, server: Server, case: Case, seconds: float, connections: int, first: Measured
    ) -> Slice:
        (message,) = self._workshop.messages(self._token)
        load = Load(
            port=server.port,
            messages=(message if case.is_always_new else message % 0,),
            first_number=self._number if case.is_always_new else None,
            connections=connections,
            seconds=seconds,
        )
        before = server.cpu_seconds()
        found = self._drive(load)
        cpu_seconds = server.cpu_seconds() - before
        self._number += found.answers + found.errors
        strays = sum(report.header(head, "X-Cache") != case.outcome for head in found.heads)
        return Slice(
            server=server.kind,
            case=case.name,
            connections=connections,
            requests_per_second=found.answers / found.seconds,
            answers_per_cpu_second=found.answers / cpu_seconds if cpu_seconds > 0 else math.nan,
            p50_ms=found.p50_ms,
            p99_ms=found.p99_ms,
            errors=found.errors + first.errors + strays,
            core_share=cpu_seconds / found.seconds,
            load_share=found.cpu_seconds / found.seconds,
            steps_us=_steps(first, found),
        )

    def _first_tokens(self, server: Server) -> Measured:
        """Use tokens for the first time; this also puts the row that 'cache hit' sends there."""
        tokens = [self._workshop.token() for _ in range(_FRESH_TOKENS)]
        messages = tuple(self._workshop.messages(token)[0] % 0 for token in tokens)
        load = Load(
            port=server.port,
            messages=messages,
            connections=1,
            seconds=60.0,
            at_most=len(messages),
        )
        return self._drive(load)

    def _drive(self, load: Load) -> Measured:
        return self._loader.submit(drive, load).result()


def _steps(first: Measured, found: Measured) -> dict[str, float]:
    fresh = report.step_medians(first.heads).get("token", math.nan)
    return {FIRST_TOKEN: fresh} | report.step_medians(found.heads)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; 1 when any request went wrong."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    shares_core = cores()[0] is None
    try:
        slices = _measure(options)
    except KeyboardInterrupt:
        return 130
    _print(slices, options, shares_core=shares_core)
    return 1 if any(found.errors for found in slices) else 0


def _print(slices: Sequence[Slice], options: argparse.Namespace, *, shares_core: bool) -> None:
    machine = report.machine()
    rounds, seconds = options.rounds, options.seconds
    said = report.notes(slices, rounds=rounds, seconds=seconds, shares_core=shares_core)
    print(report.tables(slices), said, machine, sep="\n\n")
    if options.json:
        raw = {"machine": machine, "seconds": seconds, "slices": [asdict(one) for one in slices]}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    today = _RESULTS / f"{datetime.now(UTC):%Y-%m-%d}.json"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="slices of each row; default: 8")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a slice; default: 0.5")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument(
        "--json",
        nargs="?",
        type=Path,
        const=today,
        metavar="FILE",
        help="write each slice here; default: benchmarks/results/<date>.json",
    )
    return parser


def _measure(options: argparse.Namespace) -> list[Slice]:
    with laboratory() as lab:
        say("training")
        workshop = Workshop.build(lab.root / "gateway", models.build(lab.root)["logistic"])
        say("starting the servers")
        servers = {
            (kind, entries): lab.on_server_core(workshop.server(kind, cache_entries=entries))
            for kind in options.servers
            for entries in {case.cache_entries for case in CASES}
        }
        for server in servers.values():
            server.wait_until_up()
        bench = Bench(workshop, lab.loader)
        rows = [(servers[kind, c.cache_entries], c) for kind in options.servers for c in CASES]
        return _rounds(bench, rows, options)


def _rounds(
    bench: Bench, rows: Sequence[tuple[Server, Case]], options: argparse.Namespace
) -> list[Slice]:
    say("warming up")
    for server, case in rows:
        list(bench.slices(server, case, _WARM_SECONDS))
    slices: list[Slice] = []
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}")
        # Each round begins elsewhere, so that nothing periodic always meets the same row.
        start = number % len(rows)
        for server, case in [*rows[start:], *rows[:start]]:
            slices.extend(bench.slices(server, case, options.seconds))
    return slices


if __name__ == "__main__":
    raise SystemExit(main())
