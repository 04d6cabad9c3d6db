"""Measure what a shadow adds to the answers of its champion: ``make bench-shadow``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Final

from app.domain.traffic import Split
from app.lifecycle import traffic
from benchmarks import models, page, report
from benchmarks.arrivals import Arrivals, Met, meet
from benchmarks.cores import say
from benchmarks.laboratory import Laboratory, laboratory
from benchmarks.load import Load, drive
from benchmarks.models import Model
from benchmarks.report import markdown
from benchmarks.server import Server, Workshop

_STAGE: Final = "dev"
_TAKEN_UP_SECONDS: Final = 2.5
_WARM_SECONDS: Final = 1.0
_LOAD: Final = 0.4
NOTES: Final = """\
Granian, one worker on one core, one row, every protection on, the same model as champion and as
candidate; medians over {rounds} rounds of slices of {seconds:g} s in random order. Requests come
evenly, at {load:g} of the capacity. p50: median over the rounds of each slice's p50; added: of the
ratios within a round. 'canary of nobody' is a candidate that gets nothing: what differs from 'no
candidate' there is noise."""
State = Callable[[Workshop], object]


@dataclass(frozen=True, slots=True)
class Slice:
    """One state in one round."""

    model: str
    state: str
    round: int
    met: Met


def _without(workshop: Workshop) -> object:
    return traffic.stop(workshop.root / "model", workshop.model.name, stage=_STAGE)


def _with(mode: str, share: float) -> State:
    def start(workshop: Workshop) -> object:
        name, folder = workshop.model.name, workshop.root / "model"
        split = Split.model_validate({"model": name, "version": "2", "mode": mode, "share": share})
        return traffic.start(folder, folder / "registry", split, stage=_STAGE)

    return start


STATES: Final[dict[str, State]] = {
    "no candidate": _without,
    "canary of nobody": _with("canary", 0.0),
    "shadow of all": _with("shadow", 1.0),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a request was not answered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=18)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a slice; default: 2")
    parser.add_argument("--page", action="store_true", help="put it into docs/performance.md")
    options = parser.parse_args(argv)
    slices: list[Slice] = []
    with laboratory() as lab:
        say("training")
        for model in models.build(lab.root).values():
            slices += _measured(lab, model, options)
    said = NOTES.format(rounds=options.rounds, seconds=options.seconds, load=_LOAD)
    text = "\n\n".join([table(slices), said, report.machine()])
    print(text)
    if options.page:
        page.put("shadow", text)
    return 1 if any(one.met.errors or one.met.refused for one in slices) else 0


def _measured(lab: Laboratory, model: Model, options: argparse.Namespace) -> list[Slice]:
    workshop = Workshop.build(lab.root / f"shadow-{model.name}", model)
    workshop.register()
    server = lab.on_server_core(workshop.server("granian", cache_entries=0))
    server.wait_until_up()
    messages, number, found = workshop.messages(workshop.token()), 1, []
    capacity = _capacity(lab, server, messages)
    for index in range(options.rounds):
        say(f"{model.name}: round {index + 1} of {options.rounds}")
        turns = [*STATES.items()]
        Random(index).shuffle(turns)  # noqa: S311  nobody may always meet the same neighbour
        for state, enter in turns:
            enter(workshop)
            time.sleep(_TAKEN_UP_SECONDS)
            arrivals = Arrivals(
                port=server.port,
                messages=messages,
                first_number=number,
                per_second=_LOAD * capacity,
                seconds=options.seconds,
            )
            met = lab.loader.submit(meet, arrivals).result()
            number += met.offered
            found.append(Slice(model.name, state, index, met))
    return found


def _capacity(lab: Laboratory, server: Server, messages: tuple[bytes, ...]) -> float:
    load = Load(
        port=server.port,
        messages=messages,
        first_number=5_000_000,
        connections=16,
        seconds=_WARM_SECONDS,
    )
    found = lab.loader.submit(drive, load).result()
    return found.answers / found.seconds


def table(slices: Sequence[Slice]) -> str:
    """Return one row for each model and state."""
    rows = []
    for model in dict.fromkeys(one.model for one in slices):
        own = [one for one in slices if one.model == model]
        first = next(iter(STATES))
        before = {one.round: one.met.p50_ms for one in own if one.state == first}
        for state in STATES:
            waits = {one.round: one.met.p50_ms for one in own if one.state == state}
            added = median(waits[it] / before[it] - 1 for it in waits)
            rate = median(one.met.offered / one.met.seconds for one in own if one.state == state)
            rows.append(
                [model, state, f"{rate:.0f}", f"{median(waits.values()):.3f}", f"{added:+.1%}"]
            )
    return markdown(["model", "candidate", "requests/s", "p50 ms", "added"], rows)


if __name__ == "__main__":
    raise SystemExit(main())
