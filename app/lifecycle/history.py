"""What happened to a stage: one line of JSON for each change, in ``history.jsonl`` on it."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.reason import checked_reason, printable
from app.domain.traffic import Split
from app.errors import RegistryError

HISTORY: Final = "history.jsonl"
_END: Final = b"\n"


class Entry(BaseModel):
    """One change of one model on one stage.

    Attributes:
        action: ``found`` is a version that came there without a record.
        before: the version that it replaced; None when the place was free, or its contract damaged.
        sha256: of the artefact that was promoted.
        forced: the gates that refused it and were overruled; empty where none was.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    at: datetime
    action: Literal["promote", "rollback", "found"]
    name: str
    before: str | None = Field(alias="from")
    to: str
    sha256: str
    who: str
    why: str = ""
    forced: tuple[str, ...] = ()


class Trial(BaseModel):
    """One change of what a candidate gets beside the champion of one model.

    Attributes:
        action: ``stop`` let the candidate go; ``found`` is one that came or went without a record.
        before: what a candidate got until then; None where there was none.
        after: what one gets from then on; None where there is none.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    action: Literal["canary", "shadow", "stop", "found"]
    name: str
    champion: str
    before: Split | None
    after: Split | None
    who: str
    why: str = ""


_Line = TypeVar("_Line", Entry, Trial)


def whoami() -> str:
    """Return the user and the machine of this process, as ``user@machine``."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user that nobody named
        user = str(os.getuid())
    return printable(f"{user}@{socket.gethostname()}")


def read(stage: Path, name: str | None = None) -> list[Entry]:
    """Return what was promoted on *stage*, of all models or of *name*; oldest first.

    A line that no change wrote whole, such as the last one before a power failure, is left out.
    Characters that cannot be printed come as escapes, for what is read is shown.
    """
    return _read(Entry, stage, name)


def read_trials(stage: Path, name: str | None = None) -> list[Trial]:
    """Return what candidates got on *stage*, of all models or of *name*, in the same way."""
    return _read(Trial, stage, name)


def _read(kind: type[_Line], stage: Path, name: str | None) -> list[_Line]:
    try:
        lines = (stage / HISTORY).read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            entry = kind.model_validate_json(line)
        except ValidationError:  # of the other kind, or cut off
            continue
        if name in {None, entry.name}:
            shown = {"who": printable(entry.who), "why": printable(entry.why)}
            found.append(entry.model_copy(update=shown))
    return found


def check_reason(why: str) -> None:
    """Pass when *why* can be kept and shown.

    Raises:
        RegistryError: it is too long, or has characters that cannot be printed.
    """
    try:
        checked_reason(why)
    except ValueError as error:
        raise RegistryError(str(error)) from error


def line_of(entry: Entry | Trial) -> bytes:
    """Return the line that *entry* is in the file."""
    unsaid = {"forced"} if isinstance(entry, Entry) and not entry.forced else None
    return entry.model_dump_json(by_alias=True, exclude=unsaid).encode() + _END


def append_line(stage: Path, line: bytes) -> None:
    """Write what ``line_of`` returned to the end, and to the disk, under the stage's lock.

    Raises:
        OSError: it cannot be written as a whole; the file is as it was.
    """
    file = stage / HISTORY
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != _END:
            line = _END + line  # behind a line that was cut off
        try:
            while line:  # a disk that fills up takes the first part, and fails with the rest
                line = line[os.write(handle, line) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


def undone(entries: Sequence[Entry], current: str | None) -> list[str]:
    """Return the versions to go back to from *current*, the latest first.

    A roll-back takes away what it went back over, so a second one goes further back. So does a
    version that is found again: a change that was cut off after its line never brought another.
    """
    stack: list[str] = []
    for entry in entries:
        if entry.action != "promote" and entry.to in stack:
            del stack[_last(stack, entry.to) + 1 :]
        elif not stack or stack[-1] != entry.to:
            stack.append(entry.to)
    if current in stack:
        del stack[_last(stack, current) :]
    return list(dict.fromkeys(it for it in reversed(stack) if it != current))


def _last(stack: Sequence[str], version: str) -> int:
    return max(place for place, it in enumerate(stack) if it == version)
