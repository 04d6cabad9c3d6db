"""Puts a registered version on a stage, so that the gateway of that stage serves it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from app.domain.compiled import COMPILED_FILES
from app.domain.contract import Contract
from app.errors import RegistryError, StageChangedError
from app.files import write_atomically
from app.lifecycle import history
from app.lifecycle.history import Entry, whoami
from app.lifecycle.registry import ARTEFACT, MANIFEST, Registry, Stored, read_version
from app.lifecycle.retire import check_not_retired, newest
from app.lifecycle.stages import checked_stage, contract_on, locked, place_of

NOTHING: Final = "none"


@dataclass(frozen=True, slots=True)
class Promotion:
    """What was promoted, and whether it is the stage's default model.

    ``before`` is the version that it replaced; None when the place was free.
    """

    contract: Contract
    path: Path
    is_default: bool
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes a stage, and why.

    Attributes:
        replaces: the version that is meant to be replaced, or ``none`` for a free place; unset is
            the one that is there when the promotion begins.
        forced: the gates that refuse the version, and are overruled.
    """

    who: str = field(default_factory=whoami)
    why: str = ""
    replaces: str | None = None
    action: Literal["promote", "rollback"] = "promote"
    forced: tuple[str, ...] = ()


def promote(  # noqa: PLR0913  one argument a thing it needs
    models: Path,
    registry: Registry,
    name: str,
    version: str | None = None,
    *,
    stage: str,
    change: Change | None = None,
) -> Promotion:
    """Copy a version from the registry onto *stage*; an older version is a roll-back.

    The first model on a stage is its default, and so is every version of the same name; a model
    of another name stands beside it in a folder of its own. The artefacts are replaced first and
    the contract last; a reader in between sees what does not belong together and looks again. Of
    two promotions of one model that begin before either has ended, one wins.

    Args:
        models: the folder of the stages.
        registry: where versions lie.
        name: a registered model.
        version: its version; None for the newest that is not retired.
        stage: dev, staging or production.
        change: who promotes and why, for the stage's history; None for this process's user.

    Raises:
        RegistryError: there is no such stage or version, it is retired or damaged, or the reason
            cannot be kept. Nothing was changed.
        StageChangedError: somebody else is promoting, or has done so meanwhile.
    """
    there = models / checked_stage(stage)
    change = change or Change()
    history.check_reason(change.why)
    expected = change.replaces or _version(contract_on(there, name))
    stored = read_version(registry, name, newest(registry, name) if version is None else version)
    with locked(there, change.who):
        before = contract_on(there, name)
        if _version(before) != expected:
            raise StageChangedError(_overtaken(there, name, expected, _version(before)))
        check_not_retired(registry, name, stored.contract.version)
        return _replace(there, before, stored, change)


def _replace(stage: Path, before: Contract | None, stored: Stored, change: Change) -> Promotion:
    folder, is_default = place_of(stage, stored.contract.name)
    replaced = before.version if before else None
    line = history.line_of(_entry(stored.contract, change, replaced))
    try:
        _settle(stage, before)
        _place(folder, stored)
        history.append_line(stage, line)
    except OSError as error:
        raise RegistryError(f"{stage}: cannot be written: {error.strerror}") from error
    return Promotion(stored.contract, folder / ARTEFACT, is_default, replaced)


def _version(contract: Contract | None) -> str:
    return contract.version if contract is not None else NOTHING


def _overtaken(stage: Path, name: str, expected: str, found: str) -> str:
    last = next((it for it in reversed(history.read(stage, name)) if it.to == found), None)
    who = f" by {last.who} at {last.at:%H:%M:%S} UTC" if last else ""
    return (
        f"somebody else promoted {name} on {stage.name} meanwhile: version {found} is there{who}, "
        f"and this promotion meant to replace {expected}. Nothing was changed. "
        "Fix: look at what is there, then promote again."
    )


def _settle(stage: Path, there: Contract | None) -> None:
    """Record what came onto the stage without a record: before there was a history, or by hand."""
    if there is None:
        return
    known = history.read(stage, there.name)
    last = known[-1].to if known else None
    if last != there.version:
        change = Change(who="unknown", why="was there without a record")
        entry = _entry(there, change, last)
        history.append(stage, entry.model_copy(update={"action": "found"}))


def _entry(contract: Contract, change: Change, before: str | None) -> Entry:
    return Entry(
        at=datetime.now(UTC),
        action=change.action,
        name=contract.name,
        before=before,
        to=contract.version,
        sha256=contract.artefact.sha256,
        who=change.who,
        why=change.why,
        forced=change.forced,
    )


def _place(folder: Path, stored: Stored) -> None:
    """Write all files aside, so that only quick renames lie between the old and the new.

    The manifest goes over byte by byte: a signature covers what was written, not what we know.
    """
    aside = folder / ".new"
    files = {ARTEFACT: stored.payload, **stored.compiled, MANIFEST: stored.document}
    for name, content in files.items():
        write_atomically(aside / name, content)
    for name in files:
        (aside / name).replace(folder / name)
    for name in set(COMPILED_FILES.values()) - set(files):
        (folder / name).unlink(missing_ok=True)  # of the version before
    shutil.rmtree(aside, ignore_errors=True)  # a killed promotion may have left more in it
