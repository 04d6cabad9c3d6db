"""See what is registered and promoted, and change it.

Examples:
  scripts/models.py list
  scripts/models.py show iris@2
  scripts/models.py compare iris@1 iris@2
  scripts/models.py promote iris@2 --to staging --reason "better on the new rows"
  scripts/models.py rollback iris --to production --reason "answers look wrong"
  scripts/models.py retire iris@1 --reason "trained on the wrong rows"
  scripts/models.py canary iris@3 --share 0.1 --judge --to production --reason "new data"
  scripts/models.py shadow iris@3 --to production
  scripts/models.py stop iris --to production

Every command takes --json and --help. Status: 0 done; 1 callers of one version cannot call the
other unchanged, or a gate refuses; 2 a mistake; 3 somebody else changes the stage, or has done so.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from app.command_line import run
from app.domain.judge import Rules
from app.domain.traffic import Serving
from app.errors import RegistryError, StageChangedError
from app.lifecycle import overview, traffic
from app.lifecycle.compare import compare, side_by_side
from app.lifecycle.promote import NOTHING, Change, Promotion, overruled
from app.lifecycle.promotion_report import as_text
from app.lifecycle.registry import STAGES, STAGES_FOLDER, Registry, read_contract, registry_of
from app.lifecycle.retire import described, newest, retire
from app.lifecycle.rollback import rollback
from app.settings.overlay import load

OVERTAKEN = 3
_ONE = "NAME@VERSION, or NAME for the newest that is not retired"
_PROMOTED = "a promoted model"
_Command = Callable[[argparse.Namespace, Path, Registry], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command and return its status; ``--help`` says what each status means."""
    options = _parser().parse_args(argv)
    return run(lambda: _done(options))


def _done(options: argparse.Namespace) -> int:
    settings = options.settings = load()
    options.to = getattr(options, "to", None) or settings.stage
    try:
        status: int = options.command(options, settings.path(STAGES_FOLDER), registry_of(settings))
        sys.stdout.flush()
    except StageChangedError as error:
        print(f"error: {error}", file=sys.stderr)
        return OVERTAKEN
    except BrokenPipeError:  # whoever reads has seen enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _list(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    if not (found := overview.listed(models, registry, options.name)) and options.name:
        raise RegistryError(f"no model is called {options.name!r}. Fix: see models.py list.")
    empty = "no model is registered; scripts/run_training.py and register_model.py store one"
    table = overview.as_table(found) if found else empty
    return _said(options, [overview.as_data(it) for it in found], table)


def _show(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    name, version = _one(options.model, registry)
    read_contract(registry, name, version)
    [it] = [it for it in overview.listed(models, registry, name) if it.version == version]
    entries = overview.entries(models, name)
    contract = it.contract.model_dump(mode="json") if it.contract else None
    history = [{"stage": s, **e.model_dump(mode="json", by_alias=True)} for s, e in entries]
    data = overview.as_data(it) | {"contract": contract, "history": history}
    return _said(options, data, overview.card(it, registry, entries))


def _compare(options: argparse.Namespace, _: Path, registry: Registry) -> int:
    left, right = (read_contract(registry, *_one(it, registry)) for it in options.models)
    found = compare(left, right)
    _said(options, asdict(found), side_by_side(found, is_whole=options.all))
    return 0 if found.interchangeable else 1


def _promote(options: argparse.Namespace, _: Path, registry: Registry) -> int:
    change = Change(why=options.reason, replaces=options.replaces)
    done = _judged(options, *_one(options.model, registry), change)[1]
    return 1 if done is None else _promoted(done, options, "is promoted")


def _judged(
    options: argparse.Namespace, name: str, version: str, change: Change, *, only_ask: bool = False
) -> tuple[bool, Promotion | None]:
    """Ask the gates, and show what they say; as JSON only where one refuses."""
    from app.wiring.promotion import promote_judged  # noqa: PLC0415  pulls in SQLAlchemy

    found = promote_judged(
        options.settings, name, version, stage=options.to, change=change, is_asked_only=only_ask
    )
    passes = found.verdict.decision.passes
    if not (options.json and passes):
        _said(options, found.verdict.as_data(), as_text(found.verdict))
    return passes, found.done


def _rollback(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    change = Change(why=options.reason, replaces=options.replaces)
    done = rollback(models, registry, options.name, stage=options.to, change=change)
    return _promoted(done, options, "is back")


def _promoted(done: Promotion, options: argparse.Namespace, what: str) -> int:
    contract = done.contract
    data = {"name": contract.name, "version": contract.version, "stage": options.to}
    warning = overruled(options.settings, done, options.to)
    data |= {"replaced": done.before, "path": str(done.path), "warning": warning}
    before = f", in place of {done.before}" if done.before else ""
    text = f"{contract.name} {contract.version} {what} on {options.to}{before}: {done.path}"
    return _said(options, data, f"{text}\n{warning}" if warning else text)


def _retire(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    name, at, version = options.model.partition("@")
    if not at:
        raise RegistryError(f"{name!r} names no version. Fix: {name}@VERSION.")
    done = retire(models, registry, name, version, options.reason, traffic=options.settings.traffic)
    text = f"{name} {version} is retired and will not be promoted: {described(done)}"
    data = {"name": name, "version": version, **done.model_dump(mode="json")}
    return _said(options, data, text)


def _candidate(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    name, version = _one(options.model, registry)
    sticky = f"header:{options.header}" if options.header else "subject"
    wanted = {"mode": options.mode, "share": options.share, "sticky": sticky}
    if options.judge:
        wanted |= {"judge": Rules(), "tolerance": options.settings.promotion.replay_tolerance}
    split = traffic.split_of(name, version, **wanted)
    change = Change(why=options.reason)
    if options.judge and not _judged(options, name, version, change, only_ask=True)[0]:
        return 1
    done = traffic.start(models, registry, split, stage=options.to, why=options.reason)
    return _split(done, options, f"{name} {version} is a {options.mode} beside {done.version}")


def _stop(options: argparse.Namespace, models: Path, _: Registry) -> int:
    done = traffic.stop(models, options.name, stage=options.to, why=options.reason)
    gone = "has no candidate any more" if done.changed else "had no candidate"
    return _split(done, options, f"{options.name} {gone}; {done.version} answers everybody")


def _split(done: Serving, options: argparse.Namespace, text: str) -> int:
    it = done.candidate
    candidate, share = (it.model_dump(mode="json"), f", for {it.share:.0%}") if it else (None, "")
    data = {"version": done.version, "candidate": candidate, "changed": done.changed}
    return _said(options, data, f"{text} on {options.to}{share}")


def _one(model: str, registry: Registry) -> tuple[str, str]:
    """Return name and version of ``NAME[@VERSION]``; without one the newest that is in use."""
    name, _, version = model.partition("@")
    return name, version or newest(registry, name)


def _said(options: argparse.Namespace, data: Any, text: str) -> int:
    print(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() if options.json else text)
    return 0


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    it = _command(commands, "list", _list, "every version, where it is promoted, how good it is")
    it.add_argument("name", nargs="?", help="only this model")
    what = "what the contract of a version says, and the history"
    _command(commands, "show", _show, what, model=_ONE)
    it = _command(commands, "compare", _compare, "two versions side by side")
    it.add_argument("models", nargs=2, metavar="model", help=_ONE)
    it.add_argument("--all", action="store_true", help="also what is the same")
    it = _command(commands, "promote", _promote, "put a version onto a stage", model=_ONE)
    _add_change(it)
    what = "put the version before back onto a stage"
    _add_change(_command(commands, "rollback", _rollback, what, name=_PROMOTED))
    what = "keep a version from ever being promoted again"
    it = _command(commands, "retire", _retire, what, model="NAME@VERSION")
    it.add_argument("--reason", required=True, help="for whoever wants it later")
    _add_traffic(commands)
    return parser


def _add_traffic(commands: Any) -> None:
    for mode, share, what in (
        ("canary", 0.1, "let a version answer a share of the callers"),
        ("shadow", 1.0, "send a version a copy of a share of the requests, and compare"),
    ):
        it = _command(commands, mode, _candidate, what, model=_ONE)
        it.add_argument("--share", type=float, default=share, help=f"0 to 1; default: {share:g}")
        it.add_argument("--header", help="tells callers apart; default: their token's subject")
        _add_stage(it)
        it.set_defaults(mode=mode, judge=False)
        if mode == "canary":
            help_of = "ask the gates, then let the gateway promote it or let it go"
            it.add_argument("--judge", action="store_true", help=help_of)
    _add_stage(_command(commands, "stop", _stop, "let a candidate go", name=_PROMOTED))


def _command(
    commands: Any, command: str, does: _Command, what: str, **operands: str
) -> argparse.ArgumentParser:
    """Add a command with its operands' help, and with its line of the examples above."""
    example = next(line for line in (__doc__ or "").splitlines() if f".py {command}" in line)
    added: argparse.ArgumentParser = commands.add_parser(
        command,
        help=what,
        description=what,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(command=does)
    added.add_argument("--json", action="store_true", help="print JSON instead of text")
    for operand, help_of in operands.items():
        added.add_argument(operand, help=help_of)
    return added


def _add_stage(command: argparse.ArgumentParser) -> None:
    command.add_argument("--to", choices=STAGES, help="default: the stage of APP_ENV")
    command.add_argument("--reason", default="", help="for the history")


def _add_change(command: argparse.ArgumentParser) -> None:
    _add_stage(command)
    help_of = f"fail unless this is there now; '{NOTHING}' for a free place"
    command.add_argument("--replaces", metavar="VERSION", help=help_of)


if __name__ == "__main__":
    raise SystemExit(main())
