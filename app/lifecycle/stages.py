"""What lies on a stage, and the lock under which it is changed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.domain import manifest
from app.domain.contract import NAME, Contract
from app.errors import ModelRejectedError, RegistryError, StageChangedError
from app.lifecycle import history
from app.lifecycle.registry import MANIFEST, STAGES

CANDIDATE: Final = ".candidate"
_LOCK: Final = ".lock"
_MOST_BYTES: Final = 500


@dataclass(frozen=True, slots=True)
class Placed:
    """A version on a stage; a candidate lies beside the one that it may replace."""

    contract: Contract
    folder: Path
    is_default: bool
    is_candidate: bool = False


def checked_stage(stage: str) -> str:
    """Return *stage* when it is one.

    Raises:
        RegistryError: it is not.
    """
    if stage not in STAGES:
        raise RegistryError(f"{stage!r} is no stage; there is: {', '.join(STAGES)}")
    return stage


def placed(stage: Path) -> list[Placed]:
    """Return what lies on *stage*, the default first; what has no contract is left out."""
    folders = [stage, *sorted(it.parent for it in stage.glob(f"*/{MANIFEST}"))]
    found = []
    for folder in folders:
        is_default = folder == stage
        if not is_default and not NAME.fullmatch(folder.name):
            continue
        for place in (folder, folder / CANDIDATE):
            contract = _contract(place)
            if contract is not None:
                found.append(Placed(contract, place, is_default, is_candidate=place != folder))
    return found


def place_of(stage: Path, name: str) -> tuple[Path, bool]:
    """Return the folder for *name*, and whether it is the default's: free, or its own already.

    The contract says so, and where that is damaged the history: nobody else gets its place.
    """
    default = _contract(stage)
    if default is not None:
        is_default = default.name == name
    else:
        is_default = not _is_damaged(stage) or name == _recorded_default(stage)
    return (stage if is_default else stage / name), is_default


def version_on(stage: Path, name: str) -> str | None:
    """Return the version of *name* on *stage*; None for a free place.

    Where its contract is damaged it is the one of the last promotion, ``?`` if none is known.
    """
    contract = contract_on(stage, name)
    if contract is not None:
        return contract.version
    if not _is_damaged(place_of(stage, name)[0]):
        return None
    return next((entry.to for entry in reversed(history.read(stage, name))), "?")


def check_place(stage: Path, name: str) -> None:
    """Pass when *name* has a place on *stage*: the default's, its own, or a new one beside it.

    Raises:
        RegistryError: the default's contract is damaged, so it may be the place of *name*.
    """
    folder, is_default = place_of(stage, name)
    if is_default or not _is_damaged(stage) or (folder / MANIFEST).exists():
        return
    default = _recorded_default(stage) or "the model whose place it is"
    raise RegistryError(
        f"{stage / MANIFEST} is damaged, so {name} cannot be placed beside it, nor instead of it. "
        f"Fix: promote {default} again, or remove that file, which frees the default's place."
    )


def contract_on(stage: Path, name: str) -> Contract | None:
    """Return the contract of *name* on *stage*; None when there is none that holds."""
    folder, _ = place_of(stage, name)
    contract = _contract(folder)
    return contract if contract is not None and contract.name == name else None


@contextmanager
def locked(stage: Path, who: str) -> Iterator[None]:
    """Hold *stage* for one change; the kernel lets go of it when the process ends.

    Raises:
        StageChangedError: somebody else holds it; the message says who.
        RegistryError: the stage cannot be written.
    """
    try:
        stage.mkdir(parents=True, exist_ok=True)
        handle = os.open(stage / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RegistryError(f"{stage}: cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, _MOST_BYTES, 0).decode(errors="replace") or "somebody else"
            raise StageChangedError(
                f"{stage}: {holder} is changing this stage. Fix: try again when that is done."
            ) from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.pwrite(handle, f"{who} (process {os.getpid()}, since {now})".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _recorded_default(stage: Path) -> str | None:
    """Return the only name in the history without a folder of its own; None when none is sure."""
    names = {entry.name for entry in history.read(stage)}
    alone = [name for name in names if not (stage / name / MANIFEST).exists()]
    return alone[0] if len(alone) == 1 else None


def _is_damaged(folder: Path) -> bool:
    """Say whether there is a contract in *folder* that cannot be read."""
    return (folder / MANIFEST).exists() and _contract(folder) is None


def _contract(folder: Path) -> Contract | None:
    try:
        return manifest.read((folder / MANIFEST).read_bytes())
    except (OSError, ModelRejectedError):
        return None
