"""Write the audit log as Parquet: ``python scripts/export_audit.py --from DAY --out FILE``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from app.command_line import parser_of, run
from app.errors import OperatorError
from app.lifecycle.export_audit import export_audit
from app.lifecycle.progress import followed
from app.settings.overlay import load
from app.settings.schema import STAGE_OF
from app.wiring import audit_log

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def main(argv: Sequence[str] | None = None) -> int:
    """Export; exit 0 when the file is written, 2 when it is not."""
    parser = parser_of(
        __doc__, "scripts/export_audit.py --from 2026-11-20 --to 2026-11-21 --out friday.parquet"
    )
    time = "a day or a time, such as 2026-11-21 or 2026-11-21T08:00+01:00; UTC unless it says so"
    parser.add_argument("--from", dest="first", required=True, metavar="TIME", help=time)
    parser.add_argument("--to", metavar="TIME", help="the first moment left out; default: now")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="FILE.parquet")
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    return run(lambda: _export(options))


def _export(options: argparse.Namespace) -> int:
    first = _microseconds("--from", options.first)
    end = _microseconds("--to", options.to or datetime.now(UTC).isoformat())
    if first >= end:
        raise OperatorError("--from: is not before --to.")
    with audit_log(load(environment=options.env)).opened() as state:
        records = state.between(first, end)
        n_records = export_audit(followed(records, "exporting", "records"), options.out)
    print(f"{options.out}: {n_records} records")
    return 0


def _microseconds(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{option}: {text!r} is no time. Fix: as in 2026-11-21") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


if __name__ == "__main__":
    raise SystemExit(main())
