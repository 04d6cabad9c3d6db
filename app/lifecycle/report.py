"""What training writes beside a version, for people and for machines: card, report and plots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from app.domain.contract import Contract
from app.lifecycle.card import card
from app.lifecycle.crossval import Outcome
from app.lifecycle.measures import Interval
from app.lifecycle.params import Trial
from app.lifecycle.plots import plots
from app.lifecycle.study import Segment, Study

CARD: Final = "card.md"
REPORT: Final = "report.json"


def reported(study: Study) -> Callable[[Contract], dict[str, bytes]]:
    """Return what gives the files that tell of *study*, by name, once the version has its number.

    All that takes its time, or may fail, is done before.
    """
    pictures = plots(study.answers, study.parts.held_out.target_names)
    intervals, segments = study.intervals(), study.segments()

    def files(contract: Contract) -> dict[str, bytes]:
        told = card(contract, study, intervals, segments, pictures)
        document = _document(contract, study, intervals, segments)
        return {CARD: told.encode(), REPORT: document, **pictures}

    return files


def _document(
    contract: Contract,
    study: Study,
    intervals: Mapping[str, Interval],
    segments: Sequence[Segment],
) -> bytes:
    metrics = contract.training.metrics if contract.training else {}
    trial = study.chosen.trial
    found = {
        "seed": study.plan.seed,
        "folds": study.plan.folds,
        "metric": study.plan.metric,
        "held_out_share": study.plan.held_out_share,
        "chosen": {"estimator": trial.estimator, "settings": dict(trial.settings)},
        "cross_validation": [
            {
                "estimator": it.trial.estimator,
                "settings": dict(it.trial.settings),
                "is_chosen": it is study.chosen,
                "folds": list(it.folds),
            }
            for it in study.outcomes
        ],
        "held_out": {
            name: {"value": metrics[name], "low": it.low, "high": it.high}
            for name, it in intervals.items()
        },
        "segments": [it._asdict() for it in segments],
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def chosen_line(folder: Path) -> str:
    """Say what the report in *folder* says of the choice, in a line."""
    said = orjson.loads((folder / REPORT).read_bytes())
    metric = said["metric"]
    chosen = next(it for it in said["cross_validation"] if it["is_chosen"])
    trial = Trial(chosen["estimator"], chosen["settings"])
    outcome = Outcome(trial, tuple(chosen["folds"]))
    return (
        f"chosen: {trial}, of {len(said['cross_validation'])}: {metric} {outcome.mean(metric):.4g} "
        f"± {outcome.deviation(metric):.2g} over {said['folds']} folds"
    )
