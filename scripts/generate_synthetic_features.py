"""Make up rows of a chosen number, drift and share of defects, as CSV, Parquet or JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.command_line import run
from app.lifecycle.data_contract import contract_of_model, load_data_contract
from app.lifecycle.drawn_rows import DrawnRows
from app.lifecycle.named_model import contract_named
from app.lifecycle.option_values import count_of, drift_of, seed_of, share_of, time_of
from app.lifecycle.synthetic import Synthetic, sales
from app.lifecycle.synthetic_files import write_rows
from app.lifecycle.transactions import Transactions, midnight
from app.settings.overlay import PROJECT, load
from app.settings.schema import STAGE_OF

EXAMPLE: Final = """examples:
  scripts/generate_synthetic_features.py sales.csv
  scripts/generate_synthetic_features.py sales.parquet --rows 5000000 --customers 1000000 --seed 7
  scripts/generate_synthetic_features.py rows.csv --model diabetes --drift bmi=0.5 --drift bp=-1
  scripts/generate_synthetic_features.py rows.jsonl --model diabetes --defects 0.02

The default are sales of a shop that end at midnight: the same seed gives the same bytes on the same
day, and with --until on any. A model's rows have its features alone, each distributed as in
training and independent of the others. With --defects every column of Parquet is text.

Exit status: 0 the file is written, 2 a mistake."""


def main(argv: Sequence[str] | None = None) -> int:
    """Make up rows; exit 0 when the file is written, 2 when it is not."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT", help=".csv, .parquet or .jsonl")
    parser.add_argument("--rows", type=count_of, default=10_000, help="default: 10000")
    parser.add_argument("--seed", type=seed_of, default=0, help="default: 0")
    help_of = "shift a number by so many of its standard deviations; again for each further one"
    parser.add_argument(
        "--drift", type=drift_of, action="append", default=[], metavar="NAME=BY", help=help_of
    )
    help_of = "share of rows with a missing key, a text for a number, and the like; default: 0"
    parser.add_argument("--defects", type=share_of, default=0.0, metavar="SHARE", help=help_of)
    help_of = "rows that this model takes; default: sales of a shop"
    parser.add_argument("--model", metavar="NAME[@VERSION]", help=help_of)
    parser.add_argument(
        "--customers", type=count_of, default=1_000, help="of the shop; default: 1000"
    )
    parser.add_argument("--days", type=count_of, default=30, help="of sales; default: 30")
    help_of = "the end of the sales, UTC unless it says so; default: last midnight"
    parser.add_argument("--until", type=time_of, metavar="TIME", help=help_of)
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    return run(lambda: _write(options))


def _write(options: argparse.Namespace) -> int:
    rows = _sales(options) if options.model is None else _rows_of_model(options)
    write_rows(rows, options.out)
    print(f"{options.out}: {rows.n_rows:,} rows; {rows.origin}")
    return 0


def _sales(options: argparse.Namespace) -> Synthetic:
    made = Transactions(
        n_rows=options.rows,
        n_customers=options.customers,
        days=options.days,
        until=options.until or midnight(),
        seed=options.seed,
    )
    contract = load_data_contract(PROJECT / "data_contract.yaml")
    return sales(contract, made, drift=dict(options.drift), defects=options.defects)


def _rows_of_model(options: argparse.Namespace) -> Synthetic:
    settings = load(environment=options.env)
    model = contract_named(settings, options.model)
    bounds = settings.model.input_validation
    return Synthetic(
        shape=DrawnRows(model, options.seed),
        contract=contract_of_model(model, min_value=bounds.min_value, max_value=bounds.max_value),
        n_rows=options.rows,
        seed=options.seed,
        drift=dict(options.drift),
        defects=options.defects,
    )


if __name__ == "__main__":
    raise SystemExit(main())
