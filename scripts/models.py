"""See what is registered and promoted, and change it.

Examples:
  scripts/models.py list
  scripts/models.py show iris@2
  scripts/models.py compare iris@1 iris@2
  scripts/models.py promote iris@2 --to staging --reason "better on the new rows"
  scripts/models.py rollback iris --to production --reason "answers look wrong"
  scripts/models.py retire iris@1 --reason "trained on the wrong rows"
  scripts/models.py canary iris@3 --share 0.1 --to production
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
from pydantic import ValidationError

from app.command_line import run
from app.domain.traffic import Serving, Split
from app.errors import RegistryError, StageChangedError
from app.lifecycle import overview, traffic
from app.lifecycle.compare import compare, side_by_side
from app.lifecycle.promote import NOTHING, Change, Promotion
from app.lifecycle.promotion_report import as_text
from app.lifecycle.registry import STAGES, STAGES_FOLDER, Registry, read_contract, registry_of
from app.lifecycle.retire import described, newest, retire
from app.lifecycle.rollback import rollback
from app.settings.overlay import load

OVERTAKEN = 3
_ONE = "NAME@VERSION, or NAME for the newest that is not retired"
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
    found = overview.listed(models, registry, options.name)
    if options.name and not found:
        raise RegistryError(f"no model is called {options.name!r}. Fix: see models.py list.")
    if options.json:
        _print_json([overview.as_data(it) for it in found])
    elif found:
        print(overview.as_table(found))
    else:
        print("no model is registered; scripts/run_training.py and register_model.py store one")
    return 0


def _show(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    name, version = _one(options.model, registry)
    read_contract(registry, name, version)
    [it] = [it for it in overview.listed(models, registry, name) if it.version == version]
    entries = overview.entries(models, name)
    if options.json:
        contract = it.contract.model_dump(mode="json") if it.contract else None
        history = [{"stage": s, **e.model_dump(mode="json", by_alias=True)} for s, e in entries]
        _print_json(overview.as_data(it) | {"contract": contract, "history": history})
    else:
        print(overview.card(it, registry, entries))
    return 0


def _compare(options: argparse.Namespace, _: Path, registry: Registry) -> int:
    left, right = (read_contract(registry, *_one(it, registry)) for it in options.models)
    found = compare(left, right)
    if options.json:
        _print_json(asdict(found))
    else:
        print(side_by_side(found, is_whole=options.all))
    return 0 if found.interchangeable else 1


def _promote(options: argparse.Namespace, _: Path, registry: Registry) -> int:
    from app.wiring.promotion import promote_judged  # noqa: PLC0415  pulls in SQLAlchemy

    name, version = _one(options.model, registry)
    change = Change(why=options.reason, replaces=options.replaces)
    found = promote_judged(options.settings, name, version, stage=options.to, change=change)
    if not options.json:
        print(as_text(found.verdict))
    elif found.done is None:
        _print_json(found.verdict.as_data())
    return 1 if found.done is None else _promoted(found.done, options, "is promoted")


def _rollback(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    change = Change(why=options.reason, replaces=options.replaces)
    done = rollback(models, registry, options.name, stage=options.to, change=change)
    return _promoted(done, options, "is back")


def _promoted(done: Promotion, options: argparse.Namespace, what: str) -> int:
    contract = done.contract
    if options.json:
        said = {"name": contract.name, "version": contract.version, "stage": options.to}
        _print_json(said | {"replaced": done.before, "path": str(done.path)})
    else:
        before = f", in place of {done.before}" if done.before else ""
        print(f"{contract.name} {contract.version} {what} on {options.to}{before}: {done.path}")
    return 0


def _retire(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    name, at, version = options.model.partition("@")
    if not at:
        raise RegistryError(f"{name!r} names no version. Fix: {name}@VERSION.")
    done = retire(models, registry, name, version, options.reason)
    if options.json:
        _print_json({"name": name, "version": version, **done.model_dump(mode="json")})
    else:
        print(f"{name} {version} is retired and will not be promoted: {described(done)}")
    return 0


def _candidate(options: argparse.Namespace, models: Path, registry: Registry) -> int:
    name, version = _one(options.model, registry)
    sticky = f"header:{options.header}" if options.header else "subject"
    wanted = {"mode": options.mode, "share": options.share, "sticky": sticky}
    try:
        split = Split(model=name, version=version, **wanted)
    except ValidationError as error:
        fault = error.errors()[0]
        raise RegistryError(f"{fault['loc'][0]}: {fault['msg']}") from error
    done = traffic.start(models, registry, split, stage=options.to)
    return _split(done, options, f"{name} {version} is a {options.mode} beside {done.version}")


def _stop(options: argparse.Namespace, models: Path, _: Registry) -> int:
    done = traffic.stop(models, options.name, stage=options.to)
    gone = "has no candidate any more" if done.changed else "had no candidate"
    return _split(done, options, f"{options.name} {gone}; {done.version} answers everybody")


def _split(done: Serving, options: argparse.Namespace, text: str) -> int:
    candidate = done.candidate.model_dump(mode="json") if done.candidate else None
    if options.json:
        _print_json({"version": done.version, "candidate": candidate, "changed": done.changed})
    else:
        share = f", for {done.candidate.share:.0%}" if done.candidate else ""
        print(f"{text} on {options.to}{share}")
    return 0


def _one(model: str, registry: Registry) -> tuple[str, str]:
    """Return name and version of ``NAME[@VERSION]``; without one the newest that is in use."""
    name, _, version = model.partition("@")
    return name, version or newest(registry, name)


def _print_json(said: Any) -> None:
    print(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    it = _command(commands, "list", _list, "every version, where it is promoted, how good it is")
    it.add_argument("name", nargs="?", help="only this model")
    it = _command(commands, "show", _show, "what the contract of a version says, and the history")
    it.add_argument("model", help=_ONE)
    it = _command(commands, "compare", _compare, "two versions side by side")
    it.add_argument("models", nargs=2, metavar="model", help=_ONE)
    it.add_argument("--all", action="store_true", help="also what is the same")
    it = _command(commands, "promote", _promote, "put a version onto a stage")
    it.add_argument("model", help=_ONE)
    _add_change(it)
    it = _command(commands, "rollback", _rollback, "put the version before back onto a stage")
    it.add_argument("name", help="a promoted model")
    _add_change(it)
    it = _command(commands, "retire", _retire, "keep a version from ever being promoted again")
    it.add_argument("model", help="NAME@VERSION")
    it.add_argument("--reason", required=True, help="for whoever wants it later")
    _add_traffic(commands)
    return parser


def _add_traffic(commands: Any) -> None:
    for mode, share, what in (
        ("canary", 0.1, "let a version answer a share of the callers"),
        ("shadow", 1.0, "send a version a copy of a share of the requests, and compare"),
    ):
        it = _command(commands, mode, _candidate, what)
        it.add_argument("model", help=_ONE)
        it.add_argument("--share", type=float, default=share, help=f"0 to 1; default: {share:g}")
        it.add_argument("--header", help="tells callers apart; default: their token's subject")
        it.add_argument("--to", choices=STAGES, help="default: the stage of APP_ENV")
        it.set_defaults(mode=mode)
    it = _command(commands, "stop", _stop, "let a candidate go")
    it.add_argument("name", help="a promoted model")
    it.add_argument("--to", choices=STAGES, help="default: the stage of APP_ENV")


def _command(commands: Any, name: str, does: _Command, what: str) -> argparse.ArgumentParser:
    """Add a command with its line of the examples above."""
    example = next(line for line in (__doc__ or "").splitlines() if f".py {name}" in line)
    added: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=what,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(command=does)
    added.add_argument("--json", action="store_true", help="print JSON instead of text")
    return added


def _add_change(command: argparse.ArgumentParser) -> None:
    command.add_argument("--to", choices=STAGES, help="default: the stage of APP_ENV")
    command.add_argument("--reason", default="", help="for the history")
    help_of = f"fail unless this is there now; '{NOTHING}' for a free place"
    command.add_argument("--replaces", metavar="VERSION", help=help_of)


if __name__ == "__main__":
    raise SystemExit(main())
