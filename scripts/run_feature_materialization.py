"""Compute features of every entity: into the online store, or beside the rows of a training set."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.command_line import run
from app.errors import FeatureDefinitionsError
from app.lifecycle.feature_definitions import Definitions, load_definitions
from app.settings.overlay import load
from app.settings.schema import STAGE_OF, Settings
from app.wiring.entities import entity_features

_NICENESS: Final = 10
_EXAMPLES: Final = """\
examples:
  python scripts/run_feature_materialization.py
  python scripts/run_feature_materialization.py --as-of 2026-11-21T06:00
  python scripts/run_feature_materialization.py --training runtime/train.parquet --spine labels.csv

labels.csv has a row for each label: the entity (customer_id), the time (event_time), and whatever
else; it comes back with the features beside each row, as they were known at its time.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Materialise; exit 0 when all is written, 2 when nothing is."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--as-of", metavar="TIME", help="what came later does not count; default: now"
    )
    parser.add_argument("--training", type=Path, metavar="OUT.parquet", help="write this instead")
    parser.add_argument("--spine", metavar="FILE", help="rows of a training set: .parquet or .csv")
    parser.add_argument("--definitions", type=Path, metavar="FILE", help="default: features.yaml")
    parser.add_argument("--records", type=Path, metavar="FOLDER", help="default: runtime/records")
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    if argv is None:  # a process of its own, which lets those go first who answer requests
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    if (options.training is None) != (options.spine is None):
        parser.error("--training and --spine go together")
    if options.training is not None and options.as_of is not None:
        parser.error("--as-of: each row of a spine has a time of its own")
    return run(lambda: _materialize(options))


def _materialize(options: argparse.Namespace) -> int:
    settings = load(environment=options.env)
    features = settings.features
    definitions = load_definitions(options.definitions or settings.path(features.definitions_path))
    records = options.records or settings.path(features.records_path)
    try:
        if options.training is not None:
            _write_training_set(definitions, records, options)
            _warn(definitions, records, options.training.parent)
        else:
            _write_online(definitions, records, settings, _moment(options.as_of))
            _warn(definitions, records, settings.path(features.online_path))
    except ImportError as error:
        fix = "Fix: make setup-pipeline"
        raise FeatureDefinitionsError(f"{error.name} is missing. {fix}") from error
    return 0


def _write_training_set(
    definitions: Definitions, records: Path, options: argparse.Namespace
) -> None:
    from app.lifecycle.training_features import write_training_set  # noqa: PLC0415  needs DuckDB

    n_rows = write_training_set(definitions, records, options.spine, options.training)
    print(f"{options.training}: {n_rows:,} rows")


def _write_online(
    definitions: Definitions, records: Path, settings: Settings, as_of: datetime
) -> None:
    from app.lifecycle.materialize import materialize  # noqa: PLC0415  needs DuckDB

    generation, n_entities = materialize(
        definitions,
        records,
        entity_features(settings),
        as_of=as_of,
        spill=settings.path(settings.features.online_path),
    )
    print(
        f"generation {generation.number} in {_place(settings)}: {n_entities:,} entities "
        f"as of {as_of:%Y-%m-%dT%H:%M:%SZ}"
    )


def _warn(definitions: Definitions, records: Path, spill: Path) -> None:
    from app.lifecycle.small_values import lost_values  # noqa: PLC0415  needs DuckDB

    for text in lost_values(definitions, records, spill):
        print(f"warning: {text}", file=sys.stderr)


def _moment(text: str | None) -> datetime:
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FeatureDefinitionsError(
            f"--as-of: {text!r} is no time. Fix: as in 2026-11-21T06:00, UTC unless it says so"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment > now:
        raise FeatureDefinitionsError(f"--as-of: {text} has not come yet. Fix: a time that has")
    return moment.astimezone(UTC)


def _place(settings: Settings) -> str:
    if settings.features.online_url is not None:
        return "Redis"
    return str(settings.features.online_path)


if __name__ == "__main__":
    raise SystemExit(main())
