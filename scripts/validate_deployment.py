"""Start the gateway on a free port and see that each promoted model answers as it was trained."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from app.command_line import parser_of, run
from app.errors import OperatorError
from app.files import write_atomically
from app.lifecycle.deployment import faults, running_gateway
from app.lifecycle.registry import STAGES_FOLDER
from app.lifecycle.stages import placed
from app.settings.overlay import load

_EXAMPLE = "APP_ENV=staging scripts/validate_deployment.py --report runtime/deployment.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Validate; exit 0 when every model holds, 1 when one does not, 2 when none could be asked."""
    parser = parser_of(__doc__, _EXAMPLE)
    help_of = "only this model, again for another one; default: all that are promoted"
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help=help_of)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the findings as JSON")
    options = parser.parse_args(argv)
    return run(lambda: _validate(options))


def _validate(options: argparse.Namespace) -> int:
    settings = load()
    stage = settings.path(STAGES_FOLDER) / settings.stage
    contracts = {it.contract.name: it.contract for it in placed(stage) if not it.is_candidate}
    unknown = sorted(set(options.model) - contracts.keys())
    if unknown or not contracts:
        there = ", ".join(contracts) or "nothing"
        what = f"{', '.join(unknown)} is not promoted" if unknown else "no model is promoted"
        raise OperatorError(
            f"{what} to {settings.stage}; there is: {there}. Fix: scripts/promote_model.py"
        )
    found = {}
    with running_gateway({}) as gateway:
        for name in options.model or contracts:
            contract = contracts[name]
            problems = faults(gateway, contract, needs_token=settings.enable_auth)
            found[name] = {"version": contract.version, "faults": problems}
            print(f"{name} {contract.version}: {'; '.join(problems) or 'answers as trained'}")
    if options.report is not None:
        write_atomically(options.report, json.dumps(found, indent=2).encode())
    return 1 if any(it["faults"] for it in found.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
