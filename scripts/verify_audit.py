"""Check that nobody has changed the audit log: ``python scripts/verify_audit.py``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from app.command_line import parser_of, run
from app.lifecycle.verify_audit import verify_audit
from app.settings.overlay import load
from app.settings.schema import STAGE_OF
from app.wiring import audit_log


def main(argv: Sequence[str] | None = None) -> int:
    """Verify; exit 0 when all is as it was written, 1 with every fault, 2 when it is unreadable."""
    parser = parser_of(__doc__, "scripts/verify_audit.py --public-key audit.public.pem")
    parser.add_argument(
        "--public-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="PEM file of a key that may have signed; again for another one. "
        "default: the key that the gateway signs with",
    )
    parser.add_argument(
        "--head",
        type=_anchor,
        action="append",
        default=[],
        metavar="NUMBER:DIGEST",
        help="a head that must be there, from a log line 'audit head'; again for another one",
    )
    parser.add_argument("--env", choices=tuple(STAGE_OF), help="default: APP_ENV, else dev")
    options = parser.parse_args(argv)
    return run(lambda: _verify(options))


def _anchor(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"([1-9]\d{0,17}):([0-9a-f]{64})", text)
    if found is None:
        raise argparse.ArgumentTypeError("is no NUMBER:DIGEST of a log line 'audit head'")
    return int(found[1]), found[2]


def _verify(options: argparse.Namespace) -> int:
    log = audit_log(load(environment=options.env))
    with log.opened() as state:
        judge = log.outcomes(options.public_key)
        n_faults = verify_audit(state, judge, print, dict(options.head))
    return 1 if n_faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
