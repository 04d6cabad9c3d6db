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
from app.lifecycle import history, traffic
from app.lifecycle.history import Entry, whoami
from app.lifecycle.registry import ARTEFACT, MANIFEST, Registry, Stored, read_version
from app.lifecycle.retire import check_not_retired, check_not_retired_since, newest
from app.lifecycle.stages import (
    CANDIDATE,
    check_place,
    checked_stage,
    contract_on,
    locked,
    place_of,
    version_on,
)
from app.settings.schema import Settings

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
    """Copy a version from the registry onto *stage*, be it newer or older than what is there.

    The first model on a stage is its default, and so is every version of the same name; a model
    of another name stands beside it in a folder of its own. The artefacts are replaced first and
    the contract last; a reader in between sees what does not belong together and looks again. Of
    two promotions at once one wins. A promoted candidate is one no more; a roll-back ends any.

    Args:
        models: the folder of the stages.
        registry: where versions lie.
        name: a registered model.
        version: its version; None for the newest that is not retired.
        stage: dev, staging or production.
        change: who promotes and why, for the stage's history; None for this process's user.

    Raises:
        RegistryError: there is no such stage or version, it is retired or damaged, or cannot be
            placed or recorded. Nothing was changed.
        StageChangedError: somebody else is promoting, or has done so meanwhile.
    """
    there = models / checked_stage(stage)
    change = change or Change()
    history.check_reason(change.why)
    expected = change.replaces or version_on(there, name) or NOTHING
    stored = read_version(registry, name, newest(registry, name) if version is None else version)
    check_not_retired(registry, name, stored.contract.version)
    with locked(there, change.who):
        check_place(there, name)
        _check_not_overtaken(there, name, expected)
        check_not_retired_since(registry, name, stored.contract.version)
        return _replace(there, contract_on(there, name), stored, change)


def overruled(settings: Settings, done: Promotion, stage: str) -> str | None:
    """Say which other versions ``traffic`` of the settings has answer on *stage*; None for none."""
    named = settings.traffic.get(done.contract.name)
    if named is None or stage != settings.stage:
        return None
    keys = {"version": named.version, "candidate": named.candidate}
    others = [f"{key} {it}" for key, it in keys.items() if it not in {None, done.contract.version}]
    if not others:
        return None
    return (
        f"traffic.{done.contract.name} of the settings decides all the same: {', '.join(others)}. "
        "Fix: change it there, and restart."
    )


def _replace(stage: Path, before: Contract | None, stored: Stored, change: Change) -> Promotion:
    folder, is_default = place_of(stage, stored.contract.name)
    replaced = before.version if before else None
    champion = before or stored.contract
    ends = _ends_candidate(folder, stored.contract, change)
    lines = traffic.ending(stage, folder, champion, change.who, change.why) if ends else b""
    lines += _found(stage, before) + history.line_of(_entry(stored.contract, change, replaced))
    aside = folder / ".new"
    try:
        traffic.write(aside, stored)
        history.append_line(stage, lines)  # first: no change without a record to go back over
        if ends:  # first too: it would answer again beside the version that comes back
            traffic.remove(folder)
        _place(aside, folder, stored)
    except OSError as error:
        raise RegistryError(f"{stage}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Promotion(stored.contract, folder / ARTEFACT, is_default, replaced)


def _ends_candidate(folder: Path, promoted: Contract, change: Change) -> bool:
    if not (folder / CANDIDATE).exists():
        return False
    split = traffic.candidate_in(folder)  # None for what a killed end left, or that is damaged
    return change.action == "rollback" or split is None or split.version == promoted.version


def _check_not_overtaken(stage: Path, name: str, expected: str) -> None:
    found = version_on(stage, name) or NOTHING
    if found == expected:
        return
    last = next((it for it in reversed(history.read(stage, name)) if it.to == found), None)
    who = f" by {last.who} at {last.at:%H:%M:%S} UTC" if last else ""
    raise StageChangedError(
        f"somebody else promoted {name} on {stage.name} meanwhile: version {found} is there{who}, "
        f"and this promotion meant to replace {expected}. Nothing was changed. "
        "Fix: look at what is there, then promote again."
    )


def _found(stage: Path, there: Contract | None) -> bytes:
    """Return the line for what no line put there: by hand, or left when a promotion was cut off."""
    if there is None:
        return b""
    known = history.read(stage, there.name)
    last = known[-1].to if known else None
    if last == there.version:
        return b""
    entry = _entry(there, Change(who="unknown", why="was there without a record"), last)
    return history.line_of(entry.model_copy(update={"action": "found"}))


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


def _place(aside: Path, folder: Path, stored: Stored) -> None:
    files = (ARTEFACT, *stored.compiled, MANIFEST)
    for name in files:
        (aside / name).replace(folder / name)
    for name in set(COMPILED_FILES.values()) - set(files):
        (folder / name).unlink(missing_ok=True)  # of the version before
