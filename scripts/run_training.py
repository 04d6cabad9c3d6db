"""Train a model and store it as a new version.

By itself it fits the usual estimator. With --params or --model it compares the candidates of
params.yaml by cross-validation, refits the best, writes a card and plots beside the version and
tells MLflow; the version is kept where MLflow cannot be told, which is a warning.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

from app.command_line import run
from app.domain.contract import Contract
from app.errors import TrackingError
from app.lifecycle.compiling.report import report
from app.lifecycle.datasets import BUILT_IN, Table, built_in, from_csv
from app.lifecycle.estimators import EstimatorName
from app.lifecycle.labelled_texts import from_texts
from app.lifecycle.params import PARAMS, Plan, plan_of, read_params
from app.lifecycle.parquet_tables import from_parquet
from app.lifecycle.registry import registry_of, store_of
from app.lifecycle.report import chosen_line
from app.lifecycle.tracking import track, tracking_at, without_passwords
from app.lifecycle.train import Search, train
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring import open_compiled, reference_engine

_EXAMPLES = """examples:
  python scripts/run_training.py --csv sales.csv --target price
  python scripts/run_training.py --model iris
  python scripts/run_training.py --model titanic --csv titanic.csv --target Survived --jobs 2
"""
_COMMAND = ("python", "scripts/run_training.py")


class _Job(NamedTuple):
    """One model to train; without a plan it is the usual estimator."""

    name: str
    table: Table
    plan: Plan | None


def main(argv: Sequence[str] | None = None) -> int:
    """Train; exit 0 when all versions were stored, 2 when the data or the settings are wrong."""
    parser = _parser()
    options = parser.parse_args(argv)
    _check(parser, options)
    typed = shlex.join([*_COMMAND, *(sys.argv[1:] if argv is None else argv)])
    options.command = without_passwords(typed)  # the card says it to whoever reads the registry
    return run(lambda: _train_all(options))


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=_EXAMPLES, formatter_class=form)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dataset", choices=BUILT_IN, help="default: diabetes")
    source.add_argument("--csv", type=Path, metavar="FILE", help="a table with a header")
    help_of = "a table, or a folder of them, such as feature materialisation writes"
    source.add_argument("--parquet", type=Path, metavar="FILE", help=help_of)
    help_of = "a folder with text.txt and labels.txt, a text and its label on each line"
    source.add_argument("--texts", type=Path, metavar="FOLDER", help=help_of)
    help_of = "a column of --csv or --parquet to predict; again for each further one"
    parser.add_argument("--target", action="append", default=[], metavar="COLUMN", help=help_of)
    help_of = "a column of --csv or --parquet that is no feature, such as a number of the row"
    parser.add_argument("--leave-out", action="append", default=[], metavar="COLUMN", help=help_of)
    help_of = "look for rows that are unlike the others; default: predict the target"
    parser.add_argument("--task", choices=["outliers"], help=help_of)
    help_of = "default: logistic for classes, ridge for quantities, isolation for outliers"
    parser.add_argument("--estimator", choices=get_args(EstimatorName), help=help_of)
    parser.add_argument("--name", help="the model's name; default: the data's")
    _add_plans(parser)
    return parser


def _add_plans(parser: argparse.ArgumentParser) -> None:
    plans = parser.add_argument_group("candidates that are compared")
    help_of = f"by itself all its models that name their data; default: {PARAMS} by config.yaml"
    plans.add_argument("--params", type=Path, metavar="FILE", help=help_of)
    help_of = "a model of the params; again for each further one"
    plans.add_argument("--model", action="append", default=[], metavar="NAME", help=help_of)
    help_of = "how many fits run at once, -1 for a core each; default: 1"
    plans.add_argument("--jobs", type=int, default=1, metavar="N", help=help_of)
    help_of = "MLflow's: sqlite:///FILE, http://… or none; default: training.tracking_url"
    plans.add_argument("--tracking", metavar="URL", help=help_of)


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the program where options do not go together."""
    file = "csv" if options.csv is not None else "parquet" if options.parquet is not None else None
    if file is not None and bool(options.target) == (options.task == "outliers"):
        parser.error(f"--{file} FILE needs --target COLUMN, or --task outliers without one")
    if file is None and (options.target or options.leave_out):
        parser.error("--target COLUMN and --leave-out COLUMN go with --csv FILE or --parquet FILE")
    is_planned = options.params is not None or bool(options.model)
    if is_planned and (options.estimator or options.task):
        parser.error("--estimator and --task do not go with --params or --model: the plan says it")
    if not is_planned and (options.tracking is not None or options.jobs != 1):
        parser.error("--tracking and --jobs go with --params FILE or --model NAME")
    if options.jobs == 0 or options.jobs < -1:
        parser.error("--jobs is 1 or more, or -1")
    if len(options.model) > 1 and (options.name or _has_source(options)):
        parser.error("--name and data on the command line go with one --model NAME")
    if options.params is not None and options.name and not (options.model or _has_source(options)):
        parser.error("--name goes with --model NAME, or with data on the command line")


def _has_source(options: argparse.Namespace) -> bool:
    return any((options.dataset, options.csv, options.parquet, options.texts))


def _table(options: argparse.Namespace) -> Table:
    if options.csv is not None:
        return from_csv(options.csv, options.target, options.leave_out)
    if options.parquet is not None:
        return from_parquet(options.parquet, options.target, options.leave_out)
    dataset = options.dataset or "diabetes"
    table = from_texts(options.texts) if options.texts else built_in(dataset)
    return table.without_target() if options.task == "outliers" else table


def _jobs(options: argparse.Namespace, settings: Settings) -> Iterator[_Job]:
    if options.params is None and not options.model:
        table = _table(options)
        yield _Job(options.name or table.name, table, None)
        return
    file = options.params or settings.path(PARAMS)
    plans = read_params(file)
    wanted = {name: plan_of(plans, file, name) for name in options.model}
    if _has_source(options):
        table = _table(options)
        name = options.model[0] if options.model else options.name or table.name
        yield _Job(options.name or name, table, plans.get(name))
        return
    for name, plan in (wanted or {it: plan for it, plan in plans.items() if plan.data}).items():
        yield _Job(options.name or name, plan.table(name, file.parent), plan)


def _train_all(options: argparse.Namespace) -> int:
    settings = load()
    for job in _jobs(options, settings):
        _train(job, options, settings)
    return 0


def _train(job: _Job, options: argparse.Namespace, settings: Settings) -> None:
    registry = registry_of(settings)
    plan = job.plan
    contract, folder = train(
        job.table,
        name=job.name,
        registry=registry,
        engine_of=reference_engine,
        open_compiled=open_compiled,
        estimator=options.estimator,
        search=None if plan is None else Search(plan, options.jobs, options.command),
    )
    measured = contract.training.metrics if contract.training else {}
    shown = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
    print(f"{contract.name} {contract.version}: {contract.task}, held-out {shown}")
    if plan is not None:
        print(chosen_line(folder))
    if contract.input != "numbers":
        print(f"read as {', '.join(f'{it.name} {it.kind}' for it in contract.features)}")
    print("\n".join(report(contract)))
    print(f"stored in {store_of(registry).location(contract.name, contract.version)}")
    if plan is not None:
        _track(contract, folder, options, settings)
    promote = f"scripts/promote_model.py {contract.name} {contract.version} --to dev"
    print(f"next: .venv/bin/python {promote}")


def _track(
    contract: Contract, folder: Path, options: argparse.Namespace, settings: Settings
) -> None:
    url = options.tracking or settings.training.tracking_url
    tracking = tracking_at(url, settings.root, settings.path(settings.runtime_path))
    if tracking is None:
        return
    try:
        run_id = track(tracking, contract, folder)
    except TrackingError as error:
        said = f"warning: {contract.name} {contract.version} is stored, but MLflow was not told"
        print(f"{said}: {error}", file=sys.stderr)
    else:
        print(f"tracked: run {run_id} in {tracking.shown}")


if __name__ == "__main__":
    raise SystemExit(main())
