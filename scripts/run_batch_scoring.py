"""Score files of rows: ``python scripts/run_batch_scoring.py INPUT OUTPUT --model NAME``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from app.command_line import run
from app.lifecycle.batch.run import Outcome, Wishes, run_batch
from app.lifecycle.scoring import model_named
from app.settings.overlay import load
from app.settings.schema import STAGE_OF
from app.wiring.offline import open_version

_EXAMPLE: Final = """\
example:
  python scripts/run_batch_scoring.py rows/ scored/ --model diabetes@1 --key patient

INPUT and OUTPUT are paths or URLs such as s3://bucket/rows. The columns of the input are found by
the names of the model's features; of all others, those of --key go into the output. A run that was
killed goes on where it was when the same command is given again. Rows that the model does not take
are written aside, each with the reason: to OUTPUT/_rejects/, or to OUTPUT.rejects.parquet.

exit status: 0 all is scored, 1 more is rejected than --max-rejected allows, 2 a mistake,
130 Ctrl-C"""


def main(argv: Sequence[str] | None = None) -> int:
    """Score; exit 0 when all is done, 1 when too much was rejected, 2 for a mistake."""
    options = _parser().parse_args(argv)
    return run(lambda: _score(options), "interrupted; the same command goes on where it was")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    help_of = "Parquet, CSV or Arrow: a file, a folder or a pattern in quotes"
    parser.add_argument("source", metavar="INPUT", help=help_of)
    help_of = "a folder for parts, or one file: .parquet, .csv or .arrow"
    parser.add_argument("target", metavar="OUTPUT", help=help_of)
    help_of = "default: the default model of this environment; without a version the promoted one"
    parser.add_argument("--model", metavar="NAME[@VERSION]", help=help_of)
    help_of = "a column of the input for the output; again for each further one; default: all"
    parser.add_argument("--key", action="append", default=[], metavar="COLUMN", help=help_of)
    help_of = "of the parts in a folder; default: parquet"
    parser.add_argument("--format", choices=["parquet", "csv", "arrow"], help=help_of)
    parser.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="default: local"
    )
    help_of = "cores to use on this machine; default: all"
    parser.add_argument("--workers", type=_positive, default=_cores(), metavar="N", help=help_of)
    help_of = "of a Ray cluster; default: one is begun on this machine"
    parser.add_argument("--address", metavar="HOST:PORT", help=help_of)
    help_of = "most rows that may be rejected, such as 0.01; default: 1"
    parser.add_argument("--max-rejected", type=_share, default=1.0, metavar="SHARE", help=help_of)
    help_of = "forget what an earlier run has written to OUTPUT, and begin anew"
    parser.add_argument("--restart", action="store_true", help=help_of)
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    return parser


def _score(options: argparse.Namespace) -> int:
    if options.address and options.engine != "ray":
        _parser().error("--address HOST:PORT goes with --engine ray")
    settings = load(environment=options.env)
    name, version = model_named(options.model) if options.model else (None, None)
    bounds = settings.model.input_validation
    wishes = Wishes(
        source=options.source,
        target=options.target.rstrip("/"),
        keys=options.key,
        form=options.format,
        rules={
            "min_value": bounds.min_value,
            "max_value": bounds.max_value,
            "nan_replacement": settings.nan_replacement,
        },
        engine=options.engine,
        n_workers=options.workers,
        address=options.address,
        restart=options.restart,
    )
    outcome = run_batch(wishes, partial(open_version, settings, name, version), datetime.now(UTC))
    print(_told(outcome))
    return 1 if outcome.n_rejected > options.max_rejected * outcome.n_rows else 0


def _told(outcome: Outcome) -> str:
    n_answered = outcome.n_rows - outcome.n_rejected
    lines = [f"{outcome.answers}: {n_answered:,} of {outcome.n_rows:,} rows are scored"]
    if outcome.was_done:
        lines[0] += "; an earlier run had done it all"
    if outcome.rejects is not None:
        share = outcome.n_rejected / outcome.n_rows
        lines.append(f"{outcome.rejects}: {outcome.n_rejected:,} rows are rejected ({share:.2%})")
    return "\n".join(lines)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


if __name__ == "__main__":
    raise SystemExit(main())
