"""Give a joblib file a contract: ``python scripts/register_model.py FILE --name NAME``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from app.command_line import parser_of, run
from app.domain.contract import Input
from app.lifecycle.compiling.report import report
from app.lifecycle.register import register
from app.lifecycle.registry import registry_of, store_of
from app.settings.overlay import load
from app.wiring import open_compiled, open_estimator, reference_engine


def main(argv: Sequence[str] | None = None) -> int:
    """Register; exit 0 when a version was stored, 2 when the file cannot be one."""
    parser = parser_of(
        __doc__, "scripts/register_model.py churn.joblib --name churn --sample rows.csv"
    )
    parser.add_argument(
        "file", nargs="?", type=Path, help="default: the file that model.model_path names"
    )
    parser.add_argument("--name", help="the model's name; default: the file's")
    parser.add_argument("--sample", type=Path, help="CSV file of rows that the model takes")
    help_of = "how the model takes its rows; default: found out from the model and the sample"
    parser.add_argument("--input", choices=get_args(Input), help=help_of)
    options = parser.parse_args(argv)
    return run(lambda: _register(options))


def _register(options: argparse.Namespace) -> int:
    settings = load()
    file = options.file or settings.path(settings.model.model_path)
    registry = registry_of(settings)
    contract, _ = register(
        file,
        name=options.name or re.sub(r"[^a-z0-9_-]+", "-", file.stem.lower()).strip("-"),
        registry=registry,
        open_estimator=partial(open_estimator, allowed_modules=settings.security.allowed_modules),
        engine_of=reference_engine,
        open_compiled=open_compiled,
        sample=options.sample,
        takes=options.input,
    )
    print(f"{contract.name} {contract.version}: {contract.task}, {len(contract.features)} features")
    if contract.input != "numbers":
        print(f"reads {', '.join(f'{it.name} {it.kind}' for it in contract.features)}")
    print("\n".join(report(contract)))
    folder = store_of(registry).location(contract.name, contract.version)
    print(f"stored in {folder}; manifest.json is its contract")
    if not contract.golden.inputs:
        print("without --sample it has no golden rows, so a changed answer goes unnoticed")
    promote = f"scripts/promote_model.py {contract.name} {contract.version} --to dev"
    print(f"next: .venv/bin/python {promote}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
