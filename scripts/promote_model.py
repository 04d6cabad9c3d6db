"""Promote a version onto a stage, if no gate refuses it: a table says what each gate found.

The gates are `promotion` of the settings. The verdict is also kept in runtime/reports/promotion/.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from app.command_line import run
from app.lifecycle.promote import Change, overruled
from app.lifecycle.promotion_report import as_text
from app.lifecycle.registry import STAGES
from app.settings.overlay import load
from app.wiring.promotion import promote_judged

_EXAMPLES = """examples:
  python scripts/promote_model.py iris 2 --to staging
  python scripts/promote_model.py iris 2 --to staging --dry-run
  python scripts/promote_model.py iris 2 --to staging --force --reason "the log is of a load test"

Exit status: 0 promoted, or no gate would refuse it; 1 a gate refuses it; 2 a mistake."""


def main(argv: Sequence[str] | None = None) -> int:
    """Promote; exit 0 when it was done, 1 when a gate refuses, 2 when it could not be."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=_EXAMPLES, formatter_class=form)
    parser.add_argument("name", nargs="?", default="diabetes", help="default: diabetes")
    parser.add_argument("version", nargs="?", help="default: the newest")
    parser.add_argument("--to", choices=STAGES, help="default: the stage of APP_ENV")
    parser.add_argument("--reason", default="", help="for the stage's history")
    help_of = "promote what a gate refuses; needs --reason, and the history says so"
    parser.add_argument("--force", action="store_true", help=help_of)
    parser.add_argument("--dry-run", action="store_true", help="show the verdict, change nothing")
    options = parser.parse_args(argv)
    if options.force and not options.reason.strip():
        parser.error("--force needs --reason TEXT: whoever reads the history wants to know")
    return run(lambda: _promote(options))


def _promote(options: argparse.Namespace) -> int:
    settings = load()
    found = promote_judged(
        settings,
        options.name,
        options.version,
        stage=options.to or settings.stage,
        change=Change(why=options.reason),
        is_forced=options.force,
        is_asked_only=options.dry_run,
    )
    print(as_text(found.verdict))
    print(f"report: {found.report}")
    if found.done is None:
        return 0 if found.verdict.decision.passes else 1
    contract, failed = found.done.contract, found.verdict.decision.failed
    forced = f", although {', '.join(failed)} refused it" if failed else ""
    print(f"{contract.name} {contract.version} is promoted{forced}: {found.done.path}")
    warning = overruled(settings, found.done, options.to or settings.stage)
    if warning:
        print(warning)
    if not found.done.is_default:
        print(f"it answers at /api/v1/models/{contract.name}/predict")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
