"""How far a file was scored, and how long the outputs were then: what a new run starts from."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from app.errors import StreamError
from app.files import write_atomically

TAIL_BYTES: Final = 1_024


class Place(BaseModel):
    """A place between two lines of one file.

    Attributes:
        device: together with ``inode`` names the file, whatever it is called by now.
        offset: bytes before the place.
        line: lines before it.
        tail_sha256: of the last bytes before it: a file that was written anew has others.
        modified_ns: when the file was last written then: those that follow it were later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: int
    inode: int
    offset: NonNegativeInt = 0
    line: NonNegativeInt = 0
    tail_sha256: str = sha256().hexdigest()
    modified_ns: NonNegativeInt = 0

    def is_in(self, handle: int) -> bool:
        """Say whether this is a place of the file that is open as *handle*."""
        # Devices get other numbers when they are mounted anew; the name says which one is meant.
        return os.fstat(handle).st_ino == self.inode and self.fits(handle)

    def fits(self, handle: int) -> bool:
        """Say whether the open file has the bytes before this place; a copy of it has them too."""
        return (
            os.fstat(handle).st_size >= self.offset
            and sha256(tail(handle, self.offset)).hexdigest() == self.tail_sha256
        )


class Checkpoint(BaseModel):
    """What was done when it was written.

    Attributes:
        input: the path that was read.
        place: everything before it is answered or rejected; None before the first file was there.
        output_bytes: of the answers then.
        rejects_bytes: of the rejected lines then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: str
    place: Place | None = None
    output_bytes: NonNegativeInt = 0
    rejects_bytes: NonNegativeInt = 0

    def write(self, path: Path) -> None:
        """Replace what *path* says; what is written is on the disk when this returns.

        Raises:
            StreamError: it cannot be written; what *path* said before, holds.
        """
        try:
            write_atomically(path, self.model_dump_json().encode())
        except OSError as error:
            raise StreamError(f"{path}: cannot be written: {error.strerror}.") from error


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Return what *path* says; None where it is not there.

    Raises:
        StreamError: it is no checkpoint.
    """
    try:
        return Checkpoint.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StreamError(
            f"{path}: is no checkpoint. Fix: move it away together with the output, and start anew."
        ) from error


def tail(handle: int, offset: int) -> bytes:
    """Return the last bytes before *offset* of an open file."""
    begin = max(offset - TAIL_BYTES, 0)
    return os.pread(handle, offset - begin, begin)
