"""Hold the rows that a model got lately against those of its training, and say what has drifted."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from app.command_line import run
from app.domain.contract import Contract
from app.domain.drift_rules import Threshold
from app.domain.prediction import ServedModel
from app.errors import NotPromotedError, OperatorError, RegistryError
from app.lifecycle.current_rows import CONFIDENCE, Rows, answered, file_rows, logged_rows
from app.lifecycle.drift_html import write_html
from app.lifecycle.drift_reference import baseline
from app.lifecycle.drift_report import DriftReport, drift_report, write_report
from app.lifecycle.drift_texts import Embed, embed_of
from app.lifecycle.drift_words import described
from app.lifecycle.heldout import held_out_of
from app.lifecycle.logged import logged
from app.lifecycle.progress import progress
from app.lifecycle.registry import STAGES_FOLDER, registry_of, versions
from app.lifecycle.scoring import model_named
from app.lifecycle.stages import placed
from app.settings.overlay import load
from app.settings.schema import STAGE_OF, Settings
from app.wiring import audit_log
from app.wiring.drift import estimator_of
from app.wiring.offline import open_version

EXAMPLE: Final = """examples:
  scripts/run_drift_report.py --days 7
  scripts/run_drift_report.py --model diabetes@3 --current new_rows.parquet --no-html

Exit status: 0 no drift, or too few rows to tell; 1 drift; 2 a mistake."""
_MOST_DAYS: Final = 36_500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def main(argv: Sequence[str] | None = None) -> int:
    """Report; exit 0 without drift, 1 with it, 2 when there is nothing to compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", metavar="NAME[@VERSION]", help="default: the default model")
    current = "rows to look at: .parquet or CSV; default: the audit log"
    parser.add_argument("--current", type=Path, metavar="FILE", help=current)
    days = "how far to look back in the audit log; default: 7"
    parser.add_argument("--days", type=float, default=7.0, help=days)
    reference = "rows of training; default: what the contract says of them"
    parser.add_argument("--reference", type=Path, metavar="FILE", help=reference)
    parser.add_argument("--no-html", action="store_true", help="leave out Evidently's report")
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    return run(lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    if not 0 < options.days <= _MOST_DAYS:
        raise OperatorError(f"--days: is not above 0 and up to {_MOST_DAYS:,}. Fix: as in --days 7")
    settings = load(environment=options.env)
    model = _opened(settings, options.model)
    contract = model.contract
    steps = ("rows", "reference", "checks", "Evidently")[: 3 if options.no_html else 4]
    with progress("drift", len(steps), "steps") as advance:
        current = _current(settings, model, options)
        advance(1)
        given = file_rows(options.reference, contract, model) if options.reference else None
        held_out = None if given is not None else _held_out(settings, model)
        expected = baseline(contract, given, held_out)
        advance(1)
        drift = settings.drift
        report = drift_report(
            contract,
            current,
            expected,
            Threshold(drift.level, drift.least_index),
            at=datetime.now(UTC),
            embed=_embed(settings, contract),
        )
        folder = settings.path(settings.runtime_path) / "reports"
        written = write_report(report, folder)
        advance(1)
        if not options.no_html and len(current.matrix):
            write_html(contract, current, expected, folder / "drift.html")
            written.append(folder / "drift.html")
            advance(1)
    _show(report, written, folder / f"drift-{contract.name}.json")
    return 1 if report.verdict.ruling == "drift" else 0


def _show(report: DriftReport, written: Sequence[Path], own: Path) -> None:
    print(described(report))
    print("written:", ", ".join(map(str, written)))
    if own not in written:
        print(f"too few rows take no verdict back, so the earlier one stays: {own}")


def _opened(settings: Settings, text: str | None) -> ServedModel:
    if text is not None:
        return open_version(settings, *model_named(text))
    stage = settings.path(STAGES_FOLDER) / settings.stage
    default = next((it.contract.name for it in placed(stage) if it.is_default), None)
    if default is None:
        raise NotPromotedError(
            f"no model is promoted to {settings.stage}. Fix: --model NAME@VERSION"
        )
    return open_version(settings, default)


def _current(settings: Settings, model: ServedModel, options: argparse.Namespace) -> Rows:
    contract = model.contract
    if options.current is not None:
        return file_rows(options.current, contract, model)
    now = datetime.now(UTC)
    ends = (now - timedelta(days=options.days), now)
    first, last = ((it - _EPOCH) // timedelta(microseconds=1) for it in ends)
    left_out: Counter[str] = Counter()

    def contract_of(version: str) -> Contract | None:
        return contract if version == contract.version else None

    with audit_log(settings).opened() as state:
        records = state.between(first, last)
        found = logged(records, contract_of, name=contract.name, left_out=left_out)
        rows = logged_rows(found, contract, options.days)
    for why, n_records in left_out.items():
        print(f"left out: {n_records:,} records: {why}")
    if CONFIDENCE not in rows.answers:  # callers need not ask for probabilities
        again = answered(model, rows.matrix)
        rows.answers.update((name, it) for name, it in again.items() if name == CONFIDENCE)
    return rows


def _held_out(settings: Settings, model: ServedModel) -> Rows | None:
    contract, registry = model.contract, registry_of(settings)
    if int(contract.version) not in versions(registry, contract.name):
        return None
    found = held_out_of(registry, contract, only_named=bool(settings.security.model_keys))
    if found is None:
        return None
    source = f"{len(found.rows):,} rows that training held out"
    return Rows(source, found.rows, answered(model, found.rows))


def _embed(settings: Settings, contract: Contract) -> Embed | None:
    if contract.input != "texts":
        return None
    try:
        return embed_of(contract, estimator_of(settings, contract))
    except RegistryError:
        return None


if __name__ == "__main__":
    raise SystemExit(main())
