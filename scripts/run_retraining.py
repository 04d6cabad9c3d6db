"""Train a model again when it is time, ask the gates, and put it into service.

Safe to run twice, as from cron: with the same data and parameters the second run finds nothing to
do, one that was killed goes on where it was, and of two at once one is told to come again. While
another version is a canary or a shadow on the stage, nothing is done.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from app.command_line import run
from app.errors import OperatorError
from app.lifecycle.datasets import BUILT_IN, Table
from app.lifecycle.params import PARAMS, Data, Plan, plan_of, read_params
from app.lifecycle.registry import STAGES, STAGES_FOLDER, checked_name
from app.lifecycle.retrain import Occasion, When, alone, is_due, retrain
from app.lifecycle.stages import contract_on
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring.retraining import Retraining, Then

_EXAMPLES = """examples:
  python scripts/run_retraining.py iris --when always
  python scripts/run_retraining.py iris --when schedule --max-age-days 7 --then canary --share 0.1
  python scripts/run_retraining.py sales --when drift --csv sales.csv --target price

Exit status: 0 done, or nothing to do; 1 a gate refuses the new version; 2 a mistake."""


def main(argv: Sequence[str] | None = None) -> int:
    """Retrain; exit 0 when done or nothing to do, 1 when a gate refuses, 2 for a mistake."""
    parser = _parser()
    options = parser.parse_args(argv)
    if bool(options.target) != (options.csv is not None or options.parquet is not None):
        parser.error("--target COLUMN goes with --csv FILE or --parquet FILE")
    if options.leave_out and not options.target:
        parser.error("--leave-out COLUMN goes with --csv FILE or --parquet FILE")
    if options.max_age_days <= 0:
        parser.error("--max-age-days: more than 0")
    if not 0 < options.share <= 1:
        parser.error("--share: more than 0, and at most 1")
    return run(lambda: _retrain(options))


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=_EXAMPLES, formatter_class=form)
    parser.add_argument("name", help="the model")
    help_of = "what is a reason: a drift report that says so, age, or this call; default: drift"
    parser.add_argument("--when", choices=get_args(When), default="drift", help=help_of)
    help_of = "with --when schedule: from when on the champion is too old; default: 30"
    parser.add_argument("--max-age-days", type=float, default=30.0, metavar="DAYS", help=help_of)
    help_of = "what becomes of a version that no gate refuses; default: promote"
    parser.add_argument("--then", choices=get_args(Then), default="promote", help=help_of)
    help_of = "of the callers, for a canary; default: 0.1"
    parser.add_argument("--share", type=float, default=0.1, help=help_of)
    parser.add_argument("--to", choices=STAGES, help="default: the stage of APP_ENV")
    help_of = f"how its best candidate is found; default: {PARAMS}, if it names the model"
    parser.add_argument("--params", type=Path, metavar="FILE", help=help_of)
    help_of = "MLflow's: sqlite:///FILE, http://… or none; default: training.tracking_url"
    parser.add_argument("--tracking", metavar="URL", help=help_of)
    _add_data(parser)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data; default: what the params name")
    source = data.add_mutually_exclusive_group()
    source.add_argument("--dataset", choices=BUILT_IN)
    source.add_argument("--csv", type=Path, metavar="FILE")
    source.add_argument("--parquet", type=Path, metavar="FILE", help="a table, or a folder of them")
    source.add_argument("--texts", type=Path, metavar="FOLDER", help="with text.txt and labels.txt")
    help_of = "to predict; again for each further one"
    data.add_argument("--target", action="append", default=[], metavar="COLUMN", help=help_of)
    help_of = "that is no feature; again for each further one"
    data.add_argument("--leave-out", action="append", default=[], metavar="COLUMN", help=help_of)


def _retrain(options: argparse.Namespace) -> int:
    settings, now = load(), datetime.now(UTC)
    name, stage = checked_name(options.name), options.to or settings.stage
    runtime = settings.path(settings.runtime_path)
    folder = runtime / "retraining"
    with alone(folder / f"{name}.lock"):
        champion = contract_on(settings.path(STAGES_FOLDER) / stage, name)
        report = runtime / "reports" / f"drift-{name}.json"
        occasion = Occasion(options.when, report, timedelta(days=options.max_age_days))
        due, why = is_due(occasion, champion, now)
        if not due:
            print(f"nothing to do: {why}")
            return 0
        print(f"{name} is due on {stage}: {why}")
        plan = _plan(options, settings, name)
        work = Retraining(
            settings=settings,
            name=name,
            table=_table(options, settings, plan),
            plan=plan,
            stage=stage,
            then=options.then,
            share=options.share,
            why=f"retrained: {why}",
            tracking_url=options.tracking,
        )
        file = folder / stage / f"{name}.json"
        ending = retrain(file, work.key, work.steps(), now=now, tell=print)
    return 1 if ending == "refused" else 0


def _plan(options: argparse.Namespace, settings: Settings, name: str) -> Plan | None:
    if options.params is not None:
        return plan_of(read_params(options.params), options.params, name)
    file = settings.root / PARAMS
    return read_params(file).get(name) if file.exists() else None


def _table(options: argparse.Namespace, settings: Settings, plan: Plan | None) -> Table:
    sources = {it: getattr(options, it) for it in ("dataset", "csv", "parquet", "texts")}
    if any(sources.values()):
        columns = {"target": options.target, "leave_out": options.leave_out}
        return Data.model_validate(sources | columns).table(Path())
    if plan is None:
        raise OperatorError(
            f"{options.name}: nobody says what to train it on. Fix: --csv FILE --target COLUMN, "
            f"or name its data in {options.params or PARAMS}"
        )
    folder = options.params.parent if options.params is not None else settings.root
    return plan.table(options.name, folder)


if __name__ == "__main__":
    raise SystemExit(main())
