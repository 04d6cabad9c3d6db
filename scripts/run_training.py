"""Train a model and store it as a new version: ``python scripts/run_training.py``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from app.command_line import run
from app.lifecycle.compiling.report import report
from app.lifecycle.datasets import BUILT_IN, built_in, from_csv
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
    source.add_argument("--csv", type=Path, metavar="FILE", help="a table of numbers with a header")
    parser.add_argument("--target", metavar="COLUMN", help="the column of --csv to predict")
    parser.add_argument("--name", help="the model's name; default: the data's")
    return parser


def _train(options: argparse.Namespace) -> int:
    if (options.csv is None) != (options.target is None):
        _parser().error("--csv FILE and --target COLUMN go together")
    settings = load()
    table = from_csv(options.csv, options.target) if options.csv else built_in(options.dataset)
    contract, folder = train(
        table,
        name=options.name or table.name,
        registry=settings.path(settings.model.registry_path),
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    measured = contract.training.metrics if contract.training else {}
    shown = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
    print(f"{contract.name} {contract.version}: {contract.task}, held-out {shown}")
    print("\n".join(report(contract)))
    print(f"stored in {folder}")
    promote = f"scripts/promote_model.py {contract.name} {contract.version} --to dev"
    print(f"next: .venv/bin/python {promote}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
