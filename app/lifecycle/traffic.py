"""Gives a registered version a part of a stage's requests: as a canary, or in the shadow.

A candidate lies in ``.candidate/`` beside its champion, like a promoted model, with
``traffic.json`` to announce it. That file is written last and removed first, so that a gateway
never takes half a candidate.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from app.domain.contract import Contract
from app.domain.traffic import Serving, Split, check_pair
from app.errors import ModelRejectedError, NotPromotedError, RegistryError
from app.files import write_atomically
from app.lifecycle import history
from app.lifecycle.history import Trial, whoami
from app.lifecycle.registry import (
    ARTEFACT,
    MANIFEST,
    Registry,
    Stored,
    checked_name,
    read_version,
)
from app.lifecycle.retire import check_not_retired, check_not_retired_since
from app.lifecycle.stages import CANDIDATE, checked_stage, contract_on, locked, place_of

TRAFFIC: Final = "traffic.json"


def split_of(name: str, version: str, **wanted: Any) -> Split:
    """Return what *version* of *name* is to get; *wanted* are the other fields.

    Raises:
        RegistryError: it cannot be; the message names the field.
    """
    try:
        return Split(model=name, version=version, **wanted)
    except ValidationError as error:
        fault = error.errors()[0]
        said = fault["msg"].removeprefix("Value error, ")
        raise RegistryError(": ".join([*map(str, fault["loc"]), said])) from error


def start(  # noqa: PLR0913  one argument a thing it needs
    models: Path, registry: Registry, split: Split, *, stage: str, who: str = "", why: str = ""
) -> Serving:
    """Announce a candidate on *stage*, or change what it gets. One model has one at a time.

    Another share takes effect without a gap; callers stay with the candidate when it grows.

    Args:
        models: the folder of the stages.
        registry: where versions lie.
        split: the version and what it gets.
        stage: dev, staging or production.
        who: starts it, for the stage's history; this process's user where it is empty.
        why: for the same.

    Raises:
        NotPromotedError: no version of the model is on the stage.
        RegistryError: there is no such stage or version, the version is retired or cannot stand
            beside the champion, or the reason cannot be kept.
        StageChangedError: somebody else is changing the stage.
    """
    folder, champion = _champion(models, split.model, stage)
    if champion.version == split.version:
        raise RegistryError(f"{split.model} {split.version} is promoted on {stage} already")
    stored = _contender(registry, split, champion)
    check_not_retired(registry, split.model, split.version)
    there, aside = models / stage, folder / CANDIDATE
    who = who or whoami()
    with locked(there, who), _writing(there):
        check_not_retired_since(registry, split.model, split.version)
        before, is_there = candidate_in(folder), _holds(aside, stored)
        if is_there and before == split:
            return Serving(champion.version, split, changed=False)
        lines = _lines(there, _trial(champion, before, split, who, why))
        if is_there:
            history.append_line(there, lines)
        else:
            _replace(there, folder, stored, lines)
        write_atomically(aside / TRAFFIC, _announcement(split))
    return Serving(champion.version, split, changed=True)


def stop(models: Path, name: str, *, stage: str, who: str = "", why: str = "") -> Serving:
    """Let the candidate of *name* go, if it has one; *who* and *why* are as for ``start``.

    Raises:
        NotPromotedError: no version of the model is on the stage.
        RegistryError: there is no such stage, it cannot be written, or the reason cannot be kept.
        StageChangedError: somebody else is changing the stage.
    """
    folder, champion = _champion(models, name, stage)
    there, aside = models / stage, folder / CANDIDATE
    if not aside.exists():
        return Serving(champion.version, None, changed=False)
    who = who or whoami()
    with locked(there, who), _writing(there):
        history.append_line(there, ending(there, folder, champion, who, why))
        remove(folder)
    return Serving(champion.version, None, changed=True)


def ending(stage: Path, folder: Path, champion: Contract, who: str, why: str) -> bytes:
    """Return what the history of *stage* is to say before the candidate in *folder* is removed."""
    return _lines(stage, _trial(champion, candidate_in(folder), None, who, why))


def remove(folder: Path) -> None:
    """Remove the candidate beside the champion in *folder*, its announcement first."""
    aside = folder / CANDIDATE
    (aside / TRAFFIC).unlink(missing_ok=True)
    if aside.exists():
        shutil.rmtree(aside)


def write(aside: Path, stored: Stored) -> None:
    """Write a version aside, so that only quick renames lie between the old and the new.

    The manifest goes over byte by byte: a signature covers what was written, not what we know.
    """
    shutil.rmtree(aside, ignore_errors=True)  # a killed change may have left some
    for name, content in _files(stored).items():
        write_atomically(aside / name, content)


def serving(models: Path, name: str, *, stage: str) -> Serving:
    """Return what is promoted of *name* on *stage*, and what its candidate gets.

    Raises:
        RegistryError: there is no such stage or model on it.
    """
    folder, champion = _champion(models, name, stage)
    return Serving(champion.version, candidate_in(folder), changed=False)


def candidate_in(folder: Path) -> Split | None:
    """Return what the candidate beside the champion in *folder* gets; None when there is none.

    One whose announcement cannot be read gets nothing.
    """
    try:
        return Split.model_validate_json((folder / CANDIDATE / TRAFFIC).read_bytes())
    except (OSError, ValidationError):
        return None


def _champion(models: Path, name: str, stage: str) -> tuple[Path, Contract]:
    """Return the folder of the promoted model *name*, and its contract."""
    there = models / checked_stage(stage)
    checked_name(name)
    folder, _ = place_of(there, name)
    contract = contract_on(there, name)
    if contract is None:
        raise NotPromotedError(f"no {name} is promoted on {stage}; promote a version of it first")
    return folder, contract


def _contender(registry: Registry, split: Split, champion: Contract) -> Stored:
    """Return the version that *split* names, when it can stand beside *champion*."""
    stored = read_version(registry, split.model, split.version)
    try:
        check_pair(champion, stored.contract)
    except ModelRejectedError as error:
        raise RegistryError(f"{split.model} {split.version}: {error}") from error
    return stored


def _trial(
    champion: Contract, before: Split | None, after: Split | None, who: str, why: str
) -> Trial:
    history.check_reason(why)
    return Trial(
        at=datetime.now(UTC),
        action=after.mode if after is not None else "stop",
        name=champion.name,
        champion=champion.version,
        before=before,
        after=after,
        who=who,
        why=why,
    )


def _lines(stage: Path, trial: Trial) -> bytes:
    """Return *trial* for the history; before it, what it found and no line tells."""
    known = history.read_trials(stage, trial.name)
    last = known[-1].after if known else None
    line = history.line_of(trial)
    if last == trial.before:
        return line
    unknown = {"who": "unknown", "why": "was there without a record"}
    found = {"action": "found", "before": last, "after": trial.before, **unknown}
    return history.line_of(trial.model_copy(update=found)) + line


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say which *folder* cannot be written."""
    try:
        yield
    except OSError as error:
        raise RegistryError(f"{folder}: cannot be written: {error.strerror}") from error


def _announcement(split: Split) -> bytes:
    """Return *split* as JSON; without a judge one that gateways from before it read too."""
    unsaid = {"judge"} if split.judge is None else None
    return split.model_dump_json(indent=2, exclude=unsaid).encode()


def _replace(stage: Path, folder: Path, stored: Stored, lines: bytes) -> None:
    """Put *stored* into the candidate's place; *lines* go into the history before that is freed."""
    new = folder / ".new-candidate"
    try:
        write(new, stored)
        history.append_line(stage, lines)
        remove(folder)
        new.rename(folder / CANDIDATE)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _holds(aside: Path, stored: Stored) -> bool:
    """Say whether the files of *stored* lie in *aside* already, byte by byte."""
    try:
        return all((aside / name).read_bytes() == it for name, it in _files(stored).items())
    except OSError:
        return False


def _files(stored: Stored) -> dict[str, bytes]:
    return {ARTEFACT: stored.payload, **stored.compiled, MANIFEST: stored.document}
