"""What is printed: two tables, what they mean, and the machine they were measured on."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Final

_LIBRARIES: Final = (
    "granian", "gunicorn", "flask", "pyjwt", "lmdb", "orjson", "numpy", "scikit-learn",
    "prometheus-client",
)  # fmt: skip
FIRST_TOKEN: Final = "first token"  # noqa: S105  the name of a step
NOTES: Final = """\
Every figure is the median over {rounds} slices of {seconds:g} s; the slices of all rows take turns,
so a slow mood of the machine meets them alike. Absolute values move with the machine and with what
else runs on it: compare rows of one run, and runs of one machine. With {connections} connections a
server had {had:.0%} of a core at the median; what is missing to 100%, something else had.

- One worker; all requests are for one row of iris (4 features, logistic regression).
- requests/s, p50 and p99 are wall time. /CPU s: good answers for each CPU second (user and system)
  of all the server's processes; ±%: half its interquartile range over the slices.
- Each connection sends its next request when it has its answer. The load generator was busy for at
  most {busy:.0%} of a slice{warning}.
- errors: every status but 200, every request without an answer, and sampled answers whose X-Cache
  is not the row's.
- Steps come from every eighth answer's Server-Timing (wall time inside the worker), with one
  connection, so that no step waits for another request. 'first token' is a token's first use, sent
  with the row of 'cache hit'; it stands in for 'token' and is in no sum. 'rest' is the server's CPU
  time for an answer minus the steps: HTTP, WSGI, Flask, the envelope, switches between threads, the
  kernel's share. It compares a mean with medians, so its last digits mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One slice of load on one server.

    Attributes:
        core_share: CPU time of the server for each second, 1 for a whole core.
        load_share: the same of the load generator.
        steps_us: medians in microseconds.
    """

    server: str
    case: str
    connections: int
    requests_per_second: float
    answers_per_cpu_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    core_share: float
    load_share: float
    steps_us: dict[str, float] = field(default_factory=dict)


def server_timing(head: bytes) -> dict[str, float]:
    """Return the durations of a ``Server-Timing`` header (W3C) in microseconds, in its order.

    Args:
        head: status line and headers of an answer; metrics without ``dur`` are left out.
    """
    found: dict[str, float] = {}
    for metric in header(head, "Server-Timing").split(","):
        name, *parameters = (part.strip() for part in metric.split(";"))
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.lower() == "dur":
                found[name] = float(value.strip('"')) * 1e3
    return found


def header(head: bytes, name: str) -> str:
    """Return the value of the header *name*, whatever its case; empty when there is none."""
    for line in head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    return ""


def step_medians(heads: Sequence[bytes]) -> dict[str, float]:
    """Return the median of each step over the answers with these *heads*, in microseconds."""
    spans: dict[str, list[float]] = {}
    for head in heads:
        for name, duration_us in server_timing(head).items():
            spans.setdefault(name, []).append(duration_us)
    return {name: median(values) for name, values in spans.items()}


def tables(slices: Sequence[Slice]) -> str:
    """Return both tables as Markdown."""
    return f"{_load_table(slices)}\n\nMicroseconds per step:\n\n{_step_table(slices)}"


def notes(slices: Sequence[Slice], *, rounds: int, seconds: float, shares_core: bool) -> str:
    """Say how the figures were made and how far they go."""
    most = max(found.connections for found in slices)
    crowded = [found for found in slices if found.connections == most]
    return NOTES.format(
        rounds=rounds,
        seconds=seconds,
        connections=most,
        had=median(found.core_share for found in crowded),
        busy=max(found.load_share for found in slices),
        warning=", on the same core as the server" if shares_core else "",
    )


def machine() -> str:
    """Return CPU, cores, system, Python and the versions of what stands in the hot path."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{_cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {libraries}"
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _load_table(slices: Sequence[Slice]) -> str:
    rows = [
        [
            server,
            case,
            str(connections),
            f"{median(s.requests_per_second for s in same):.0f}",
            f"{median(s.answers_per_cpu_second for s in same):.0f}",
            f"{spread([s.answers_per_cpu_second for s in same]) * 100:.0f}",
            f"{median(s.p50_ms for s in same):.2f}",
            f"{median(s.p99_ms for s in same):.2f}",
            str(sum(s.errors for s in same)),
        ]
        for (server, case, connections), same in _groups(slices).items()
    ]
    heads = ["connections", "requests/s", "/CPU s", "±%", "p50 ms", "p99 ms", "errors"]
    return markdown(["server", "case", *heads], rows, words=2)


def _step_table(slices: Sequence[Slice]) -> str:
    groups = {key: same for key, same in _groups(slices).items() if key[2] == 1}
    steps = list(dict.fromkeys(name for found in slices for name in found.steps_us))
    rows = []
    for (server, case, _), same in groups.items():
        spans = {step: median(s.steps_us.get(step, math.nan) for s in same) for step in steps}
        rate = median(s.answers_per_cpu_second for s in same)
        total = 1e6 / rate if rate else math.nan
        rest = total - sum(span for step, span in spans.items() if step != FIRST_TOKEN)
        shown = [f"{span:.1f}" for span in spans.values()]
        rows.append([server, case, *shown, f"{rest:.0f}", f"{total:.0f}"])
    return markdown(["server", "case", *steps, "rest", "CPU in all"], rows, words=2)


def _groups(slices: Sequence[Slice]) -> dict[tuple[str, str, int], list[Slice]]:
    found: dict[tuple[str, str, int], list[Slice]] = {}
    for one in slices:
        found.setdefault((one.server, one.case, one.connections), []).append(one)
    return found


def spread(values: Sequence[float]) -> float:
    """Return half the interquartile range as a share of the median."""
    if len(values) == 1:
        return math.nan
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / middle if middle else math.nan


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Return a table that reads well in a terminal too; the first *words* columns hold words."""
    lines = [heads, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]

    def drawn(cells: Sequence[str]) -> str:
        left = [cell.ljust(width) for cell, width in zip(cells[:words], widths, strict=False)]
        right = [
            cell.rjust(width) for cell, width in zip(cells[words:], widths[words:], strict=True)
        ]
        return f"| {' | '.join([*left, *right])} |"

    ruler = ["-" * width for width in widths[:words]] + [
        "-" * (w - 1) + ":" for w in widths[words:]
    ]
    return "\n".join([drawn(heads), drawn(ruler), *map(drawn, rows)])
