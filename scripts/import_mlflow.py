"""Bring a scikit-learn model over from an MLflow registry, with its signature as contract.

Examples:
  scripts/import_mlflow.py models:/iris@champion --tracking-uri sqlite:///mlflow.db
  scripts/import_mlflow.py models:/iris/3 --tracking-uri https://mlflow.example.org --name iris
  scripts/import_mlflow.py models:/iris@champion --follow --to staging --every 60

It takes models that MLflow stored as skops (its default), pickle or cloudpickle, through the door
that register_model.py uses: made of what security.allowed_modules and Gatehouse itself allow.
It does not take: other flavours, classes and functions that a notebook defined, functions and
methods in a skops file but for NumPy's and SciPy's ufuncs, columns of dates, bytes or nested
values, and parameters of predict.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from functools import partial

from app.command_line import INTERRUPTED, run
from app.errors import RegistryError
from app.lifecycle.compiling.report import report
from app.lifecycle.follow import follow
from app.lifecycle.import_mlflow import Doors, Imported, import_mlflow
from app.lifecycle.mlflow_source import MlflowRegistry, Source, wanted
from app.lifecycle.promote import Change, promote
from app.lifecycle.registry import STAGES, STAGES_FOLDER, registry_of
from app.lifecycle.stages import contract_on
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring import open_compiled, open_estimator, reference_engine
from app.wiring.names import name_finder

LEAST_SECONDS, MOST_SECONDS = 5, 3_600


def main(argv: Sequence[str] | None = None) -> int:
    """Import; exit 0 when a version is there, 2 when it cannot be one. Ctrl-C ends following."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("model", help="models:/NAME@ALIAS or models:/NAME/VERSION")
    parser.add_argument(
        "--tracking-uri", help="of MLflow: sqlite:///FILE or a server; default: MLflow's own"
    )
    parser.add_argument("--name", help="of the model here; default: MLflow's, in lower case")
    parser.add_argument("--to", choices=STAGES, help="promote it to this stage")
    parser.add_argument(
        "--follow", action="store_true", help="go on looking, and promote where the alias moves"
    )
    parser.add_argument(
        "--every", type=_seconds, default=30, metavar="SECONDS", help="between two looks; 30"
    )
    options = parser.parse_args(argv)
    if options.follow and not options.to:
        parser.error("--follow promotes, so it needs --to STAGE")
    status = run(lambda: _imported(options), "stopped")
    return 0 if options.follow and status == INTERRUPTED else status


def _seconds(text: str) -> int:
    if not text.isdecimal() or not LEAST_SECONDS <= int(text) <= MOST_SECONDS:
        bounds = f"{LEAST_SECONDS} to {MOST_SECONDS}"
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from {bounds}")
    return int(text)


def _imported(options: argparse.Namespace) -> int:
    settings = load()
    want = wanted(options.model)
    if options.follow and want.alias is None:
        raise RegistryError("a version does not move. Fix: follow an alias, models:/NAME@ALIAS.")
    name = options.name or re.sub(r"[^a-z0-9_-]+", "-", want.name.lower()).strip("-")
    mlflow = MlflowRegistry(options.tracking_uri)
    take = partial(_take, settings, mlflow, name=name, stage=options.to)
    if not options.follow:
        take(mlflow.find(want))
        return 0
    print(f"following {options.model} every {options.every} seconds; Ctrl-C ends it", flush=True)
    follow(
        partial(mlflow.find, want),
        take,
        wait=partial(time.sleep, options.every),
        tell=lambda problem: print(f"error: {problem}", file=sys.stderr, flush=True),
    )
    return 0


def _take(
    settings: Settings, mlflow: MlflowRegistry, source: Source, *, name: str, stage: str | None
) -> None:
    allowed = settings.security.allowed_modules
    doors = Doors(
        open_estimator=partial(open_estimator, allowed_modules=allowed),
        engine_of=reference_engine,
        open_compiled=open_compiled,
        find=name_finder(allowed),
    )
    registry = registry_of(settings)
    done = import_mlflow(mlflow, source, name=name, registry=registry, doors=doors)
    _tell(done)
    if stage is None:
        return
    models, contract = settings.path(STAGES_FOLDER), done.contract
    there = contract_on(models / stage, name)
    if there is not None and there.version == contract.version:
        print(f"{name} {contract.version} is on {stage} already", flush=True)
        return
    why = f"MLflow's {source.name} {source.version}"
    promoted = promote(
        models, registry, name, contract.version, stage=stage, change=Change(why=why)
    )
    print(f"{name} {contract.version} is promoted: {promoted.path}", flush=True)


def _tell(done: Imported) -> None:
    contract, source = done.contract, done.source
    came = f"MLflow's {source.name} {source.version}"
    if not done.is_new:
        print(f"{contract.name} {contract.version} is {came}, which came before", flush=True)
        return
    features = f"{len(contract.features)} features"
    print(f"{contract.name} {contract.version} is {came}: {contract.task}, {features}")
    print("\n".join(report(contract)))
    if not contract.golden.inputs:
        print("it was logged without an input example, so it has no golden rows")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
