"""Measure the gateway beside other model servers: ``make bench-peers``.

Every protection of the gateway is on, its audit log included; the others have none.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import models, page, report
from benchmarks.cores import say
from benchmarks.laboratory import laboratory
from benchmarks.models import Model
from benchmarks.peers.catalogue import FOLDER, PEERS
from benchmarks.peers.contest import Contest
from benchmarks.peers.entries import Entry, gateway_entries, peer_entries
from benchmarks.peers.environments import CACHE, NotInstalledError, python_of, versions
from benchmarks.peers.reach import goals
from benchmarks.peers.results import Results
from benchmarks.peers.tables import plot, tables
from benchmarks.server import Workshop

_RESULTS: Final = Path(__file__).parents[1] / "results"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables and put them into docs/performance.md."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    with suppress(KeyboardInterrupt):
        _compare(options) if not options.report else None
        results = Results.read(options.json)
        found = tables(results, goals(results))
        print(found)
        if options.page:
            page.put_picture("peers", plot(results))
            page.put("peers", f"![Answers per CPU second](pictures/peers.svg)\n\n{found}")
        return 0
    return 130


def _parser() -> argparse.ArgumentParser:
    today = _RESULTS / f"{datetime.now(UTC):%Y-%m-%d}.json"
    folders = sorted({peer.folder for peer in PEERS})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="slices of each row; default: 7")
    parser.add_argument("--seconds", type=float, default=1.5, help="of a slice; default: 1.5")
    parser.add_argument("--peers", nargs="*", choices=folders, default=folders)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of their environments")
    parser.add_argument("--json", type=Path, default=today, help="default: %(default)s")
    parser.add_argument("--resume", action="store_true", help="keep the rounds in --json")
    parser.add_argument("--report", action="store_true", help="measure nothing, show --json again")
    parser.add_argument("--page", action="store_true", help="put it into docs/performance.md")
    return parser


def _compare(options: argparse.Namespace) -> None:
    results = Results(report.machine())
    if options.resume:
        results = Results.read(options.json)
        results.failures.clear()
    with laboratory() as lab:
        say("training")
        built = models.build(lab.root)
        workshops = [Workshop.build(lab.root / name, model) for name, model in built.items()]
        contest = Contest(results, lab)
        contest.enter([*gateway_entries(workshops, two_cores=lab.server_core is not None)])
        contest.enter([*_peers(options, results, built, lab.root)])
        contest.run(options.rounds, options.seconds, lambda: results.write(options.json))
        results.write(options.json)


def _peers(
    options: argparse.Namespace, results: Results, built: Mapping[str, Model], root: Path
) -> Iterator[Entry]:
    """Yield what could be installed; the rest is noted and left out."""
    for peer in PEERS:
        if peer.folder not in options.peers:
            continue
        requirements = FOLDER / peer.folder / "requirements.txt"
        try:
            python = python_of(options.cache, peer.folder, requirements)
        except NotInstalledError as error:
            results.failures[peer.name] = f"not installed: {error}"
            continue
        asked = {line.split("=")[0].split("[")[0] for line in requirements.read_text().split("\n")}
        found = versions(python)
        wanted = {name: number for name, number in found.items() if name in asked}
        results.versions[peer.folder] = dict(sorted(wanted.items()))
        yield from peer_entries(peer, python, built, root)


if __name__ == "__main__":
    raise SystemExit(main())
