"""Train a model and store it as a new version: ``python scripts/run_training.py``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from app.command_line import run
from app.lifecycle.compiling.report import report
from app.lifecycle.datasets import BUILT_IN, Table, built_in, from_csv
from app.lifecycle.estimators import EstimatorName
from app.lifecycle.labelled_texts import from_texts
from app.lifecycle.registry import registry_of, store_of
from app.lifecycle.train import train
from app.settings.overlay import load
from app.wiring import open_compiled, reference_engine


def main(argv: Sequence[str] | None = None) -> int:
    """Train; exit 0 when a version was stored, 2 when the data or the settings are wrong."""
    options = _parser().parse_args(argv)
    return run(lambda: _train(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dataset", choices=BUILT_IN, default="diabetes", help="default: diabetes")
    source.add_argument("--csv", type=Path, metavar="FILE", help="a table with a header")
    help_of = "a folder with text.txt and labels.txt, a text and its label on each line"
    source.add_argument("--texts", type=Path, metavar="FOLDER", help=help_of)
    help_of = "a column of --csv to predict; again for each further one"
    parser.add_argument("--target", action="append", default=[], metavar="COLUMN", help=help_of)
    help_of = "a column of --csv that is no feature, such as a number of the row"
    parser.add_argument("--leave-out", action="append", default=[], metavar="COLUMN", help=help_of)
    help_of = "look for rows that are unlike the others; default: predict the target"
    parser.add_argument("--task", choices=["outliers"], help=help_of)
    help_of = "default: logistic for classes, ridge for quantities, isolation for outliers"
    parser.add_argument("--estimator", choices=get_args(EstimatorName), help=help_of)
    parser.add_argument("--name", help="the model's name; default: the data's")
    return parser


def _table(options: argparse.Namespace) -> Table:
    if options.csv is not None:
        if bool(options.target) == (options.task == "outliers"):
            _parser().error("--csv FILE needs --target COLUMN, or --task outliers without one")
        return from_csv(options.csv, options.target, options.leave_out)
    if options.target or options.leave_out:
        _parser().error("--target COLUMN and --leave-out COLUMN go with --csv FILE")
    table = from_texts(options.texts) if options.texts else built_in(options.dataset)
    return table.without_target() if options.task == "outliers" else table


def _train(options: argparse.Namespace) -> int:
    table = _table(options)
    registry = registry_of(load())
    contract, _ = train(
        table,
        name=options.name or table.name,
        registry=registry,
        engine_of=reference_engine,
        open_compiled=open_compiled,
        estimator=options.estimator,
    )
    measured = contract.training.metrics if contract.training else {}
    shown = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
    print(f"{contract.name} {contract.version}: {contract.task}, held-out {shown}")
    if contract.input != "numbers":
        print(f"read as {', '.join(f'{it.name} {it.kind}' for it in contract.features)}")
    print("\n".join(report(contract)))
    print(f"stored in {store_of(registry).location(contract.name, contract.version)}")
    promote = f"scripts/promote_model.py {contract.name} {contract.version} --to dev"
    print(f"next: .venv/bin/python {promote}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
