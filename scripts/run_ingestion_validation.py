"""Hold raw rows to a contract, and keep the valid ones as Parquet by day and the others apart."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.command_line import run
from app.domain.contract import Contract
from app.lifecycle.csv_records import CsvRecords
from app.lifecycle.data_contract import DataContract, contract_of_model, load_data_contract
from app.lifecycle.drawn_rows import DrawnRows
from app.lifecycle.ingest import Batch, Ingested, ingest
from app.lifecycle.named_model import contract_named
from app.lifecycle.option_values import share_of
from app.lifecycle.parquet_records import ParquetRecords
from app.lifecycle.partitions import REJECTED
from app.lifecycle.sources import Source
from app.lifecycle.sql_records import SqlRecords
from app.lifecycle.synthetic import Synthetic, sales
from app.lifecycle.transactions import Transactions, midnight
from app.settings.overlay import PROJECT, load
from app.settings.schema import STAGE_OF, Settings

EXAMPLE: Final = """examples:
  scripts/run_ingestion_validation.py
  scripts/run_ingestion_validation.py --csv sales.csv --batch-id 2026-11-20
  scripts/run_ingestion_validation.py --parquet sales/ --contract sales.yaml --max-invalid 0.01
  scripts/run_ingestion_validation.py --csv rows.csv --model diabetes@1
  scripts/run_ingestion_validation.py --sql postgresql://reader@db/shop 'SELECT * FROM sales'

The password of PostgreSQL comes from PGPASSWORD or ~/.pgpass, so that no list of processes shows
it; one in the URL works too, and is never printed.

Exit status: 0 published, or there already; 1 refused, nothing is published; 2 a mistake."""
_ROWS: Final = 10_000
_DEFECTS: Final = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    """Ingest; exit 0 when the batch is published, 1 when it is refused, 2 when it cannot be."""
    options = _parser().parse_args(argv)
    return run(lambda: _ingest(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--csv", type=Path, metavar="FILE", help="with a header; default: made up")
    help_of = "a Parquet file, or a folder of them"
    source.add_argument("--parquet", type=Path, metavar="FILE_OR_FOLDER", help=help_of)
    help_of = "what a query answers; it cannot change anything"
    source.add_argument("--sql", nargs=2, metavar=("URL", "QUERY"), help=help_of)
    contract = parser.add_mutually_exclusive_group()
    help_of = "what a record is; default: the data_contract.yaml that comes with Gatehouse"
    contract.add_argument("--contract", type=Path, metavar="FILE.yaml", help=help_of)
    help_of = "a record is a row that this model takes"
    contract.add_argument("--model", metavar="NAME[@VERSION]", help=help_of)
    help_of = (
        "a batch of the same id is replaced; default: made from content, or from URL and query; "
        "needed for a file that has changed since it was ingested"
    )
    parser.add_argument("--batch-id", metavar="ID", help=help_of)
    help_of = "share of invalid rows above which nothing is published; default: 0.05"
    parser.add_argument("--max-invalid", type=share_of, default=0.05, metavar="SHARE", help=help_of)
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    return parser


def _ingest(options: argparse.Namespace) -> int:
    settings = load(environment=options.env)
    model = contract_named(settings, options.model) if options.model else None
    contract = _contract(settings, options, model)
    batch = Batch(
        source=_source(options, contract, model),
        contract=contract,
        records_path=settings.path(settings.features.records_path),
        batch_id=options.batch_id,
        max_invalid=options.max_invalid,
        now=datetime.now(UTC),
    )
    return _show(ingest(batch))


def _contract(
    settings: Settings, options: argparse.Namespace, model: Contract | None
) -> DataContract:
    if model is None:
        return load_data_contract(options.contract or PROJECT / "data_contract.yaml")
    bounds = settings.model.input_validation
    return contract_of_model(model, min_value=bounds.min_value, max_value=bounds.max_value)


def _source(options: argparse.Namespace, contract: DataContract, model: Contract | None) -> Source:
    if options.csv is not None:
        return CsvRecords(options.csv)
    if options.parquet is not None:
        return ParquetRecords(options.parquet)
    if options.sql is not None:
        return SqlRecords(*options.sql)
    if model is not None:
        drawn = DrawnRows(model, seed=0)
        return Synthetic(shape=drawn, contract=contract, n_rows=_ROWS, seed=0, defects=_DEFECTS)
    if options.contract is not None:
        _parser().error("--contract FILE needs data: --csv, --parquet or --sql")
    made = Transactions(n_rows=_ROWS, n_customers=1_000, days=30, until=midnight(), seed=0)
    return sales(contract, made, defects=_DEFECTS)


def _show(ingested: Ingested) -> int:
    report, folder = ingested.report, ingested.folder
    if not ingested.is_new:
        print(f"{folder}: is there with this content and contract; nothing was done")
        return 0
    print("\n".join(report.lines()))
    if report.invalid:
        print(f"invalid rows and their reasons: {folder / REJECTED}")
    if report.is_refused:
        print(f"refused: nothing is published; the batch and its report are kept in {folder}")
        return 1
    print(f"published: {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
