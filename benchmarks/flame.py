"""Draw where a worker under load spends its time: ``make bench-flame``.

py-spy looks at the worker from outside, native frames included, so what it runs is what is served.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import models, page, report
from benchmarks.cores import say
from benchmarks.flames import flames
from benchmarks.laboratory import laboratory
from benchmarks.load import Load, drive
from benchmarks.peers.entries import THROUGHPUT
from benchmarks.peers.environments import CACHE, python_of
from benchmarks.report import markdown
from benchmarks.server import Workshop
from benchmarks.stacks import Stacks, folded, library_shares, shares, tidy

_REQUIREMENTS: Final = Path(__file__).parent / "flame-requirements.txt"
_PERF_SECONDS: Final = 5.0
_WARM_SECONDS: Final = 1.5
_AFTER_SECONDS: Final = 10.0
_RATE: Final = 100  # native stacks of many threads take their time
_MOST_LINES: Final = 20
NOTES: Final = """\
{samples} samples, {rate} a second, of the thread that held the interpreter's lock: {workload},
{kind}, one worker, 16 connections, a new input each time. The first table counts a sample for the
innermost function of the project, with what it calls outside of it; where there is none, for the
file in which the sample was taken. What the server does outside of Python is not in it.{perf}"""
_PERF_NOTES: Final = """ The
second table is all CPU time of the worker, by the library that used it, as perf counts it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; draw the picture where that is asked for."""
    options = _parser().parse_args(argv)
    workload = next(one for one in THROUGHPUT if one.name == options.workload)
    python = python_of(options.cache, "flame", _REQUIREMENTS)
    with laboratory() as lab:
        say("training")
        model = models.build(lab.root)[workload.model]
        workshop = Workshop.build(lab.root / "gateway", model)
        server = lab.on_server_core(workshop.server(options.server))
        server.wait_until_up()
        load = Load(
            port=server.port,
            messages=workshop.messages(workshop.token(), workload.n_rows),
            first_number=1,
            connections=workload.connections,
            seconds=options.seconds + _PERF_SECONDS + _AFTER_SECONDS,
        )
        under_way = lab.loader.submit(drive, load)
        time.sleep(_WARM_SECONDS)
        by_library = _by_library(server.running.busiest(), lab.root)
        lines = _recorded(python, server.running.busiest(), lab.root, options.seconds)
        errors = under_way.result().errors
    stacks = tidy(folded(lines))
    text = _text(stacks, by_library, options)
    print(text)
    if options.page:
        title = f"Where the worker's time goes: {workload.name}, {options.server}"
        page.put_picture("flame", flames(title, stacks))
        page.put("flame", f"![{title}](pictures/flame.svg)\n\n{text}")
    return 1 if errors else 0


def _parser() -> argparse.ArgumentParser:
    names = [workload.name for workload in THROUGHPUT]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="default: 40")
    parser.add_argument("--server", choices=("granian", "gunicorn"), default="granian")
    parser.add_argument("--workload", choices=names, default=names[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of environments")
    parser.add_argument("--page", action="store_true", help="put it into docs/performance.md")
    return parser


def _recorded(python: Path, pid: int, root: Path, seconds: float) -> Iterable[str]:
    """Return one line a stack: frames from the outermost, then how often it was seen.

    Raises:
        SystemExit: py-spy may not look at other processes here, or failed.
    """
    out = root / "stacks.txt"
    command = [
        str(python.parent / "py-spy"), "record", "--pid", str(pid), "--format", "raw",
        "--native", "--gil", "--rate", str(_RATE), "--duration", f"{seconds:.0f}",
        "--output", str(out),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not out.exists():
        raise SystemExit(f"py-spy failed:\n{done.stderr[-2_000:]}")
    return out.read_text(encoding="utf-8", errors="replace").splitlines()


def _by_library(pid: int, root: Path) -> list[tuple[str, float]]:
    """Return the share of each library in the worker's CPU time; nothing where there is no perf."""
    perf, out = shutil.which("perf"), str(root / "perf.data")
    if perf is None:
        return []
    record = [perf, "record", "-F", "500", "-p", str(pid), "-o", out]
    show = [perf, "report", "-i", out, "--sort", "dso", "--stdio", "--percent-limit", "1"]
    subprocess.run([*record, "--", "sleep", str(_PERF_SECONDS)], capture_output=True, check=False)
    done = subprocess.run(show, capture_output=True, text=True, check=False)
    return library_shares(done.stdout)


def _text(
    stacks: Stacks, by_library: Sequence[tuple[str, float]], options: argparse.Namespace
) -> str:
    most = list(shares(stacks).items())[:_MOST_LINES]
    rows = [[f"`{name}`", f"{share:.1%}"] for name, share in most]
    said = NOTES.format(
        samples=sum(stacks.values()),
        rate=_RATE,
        workload=options.workload,
        kind=options.server,
        perf=_PERF_NOTES if by_library else "",
    )
    tables = [markdown(["where", "share"], rows)]
    if by_library:
        libraries = [[f"`{name}`", f"{share:.0%}"] for name, share in by_library]
        tables.append(markdown(["library", "share"], libraries))
    return "\n\n".join([*tables, said, report.machine()])


if __name__ == "__main__":
    raise SystemExit(main())
