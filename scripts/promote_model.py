"""Promote a version onto a stage: ``python scripts/promote_model.py NAME VERSION --to STAGE``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from app.command_line import run
from app.lifecycle.promote import Change, promote
from app.lifecycle.registry import STAGES, STAGES_FOLDER, registry_of
from app.settings.overlay import load


def main(argv: Sequence[str] | None = None) -> int:
    """Promote; exit 0 when it was done, 2 when it could not be: the message says why."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="diabetes", help="default: diabetes")
    parser.add_argument("version", nargs="?", help="default: the newest")
    parser.add_argument("--to", choices=STAGES, help="default: the stage of APP_ENV")
    parser.add_argument("--reason", default="", help="for the stage's history")
    options = parser.parse_args(argv)
    return run(lambda: _promote(options))


def _promote(options: argparse.Namespace) -> int:
    settings = load()
    done = promote(
        settings.path(STAGES_FOLDER),
        registry_of(settings),
        options.name,
        options.version,
        stage=options.to or settings.stage,
        change=Change(why=options.reason),
    )
    contract = done.contract
    print(f"{contract.name} {contract.version} is promoted: {done.path}")
    if not done.is_default:
        print(f"it answers at /api/v1/models/{contract.name}/predict")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
