"""Where records lie: one folder a batch, in it one folder a day of Parquet files.

``<records>/<source>/<batch id>/date=2026-11-20/00000.parquet``, with the batch's report and its
rejected rows beside the days. A batch appears, and is replaced, by the renaming of its folder, so
no reader finds half of one. What starts with ``_`` holds no records to read.
"""

from __future__ import annotations

import fcntl
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.domain.contract import NAME
from app.errors import OperatorError

REPORT: Final = "_report.json"
REJECTED: Final = "_rejected.parquet"
_DAYS: Final = "date=*"
_STAGED: Final = "_staged"
_REPLACED: Final = "_replaced"
_REFUSED: Final = "_refused"
_LOCK: Final = "_lock"
_BATCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def records_glob(records_path: Path, source: str) -> str:
    """Return what DuckDB's ``read_parquet(…, hive_partitioning=true)`` reads all records by."""
    return f"{glob.escape(str(records_path / checked_source(source)))}/*/{_DAYS}/*.parquet"


def sources(records_path: Path) -> list[str]:
    """Return the sources that have records, sorted."""
    found = sorted(it.name for it in records_path.glob("*") if NAME.fullmatch(it.name))
    return [name for name in found if any((records_path / name).glob(f"*/{_DAYS}/*.parquet"))]


def put_back(records_path: Path, source: str) -> None:
    """Give readers the batches of *source* that a process has set aside and died.

    Raises:
        OperatorError: this user may not.
    """
    folder = records_path / checked_source(source)
    if all((folder / it.name).exists() for it in (folder / _REPLACED).glob("*")):
        return
    try:
        with _locked(folder):
            _put_back(folder)
    except OSError as error:
        raise OperatorError(
            f"{folder / _REPLACED}: has a batch that is to be put back: {error.strerror}. "
            "Fix: run this once as the user who ingests"
        ) from error


def place_of(records_path: Path, source: str, batch_id: str) -> Path:
    """Return the folder of a batch, which need not be there.

    Raises:
        OperatorError: *source* or *batch_id* is no name for a folder.
    """
    return records_path / checked_source(source) / checked_batch(batch_id)


def refused_place(place: Path) -> Path:
    """Return where the batch of *place* is kept, out of reach of readers, when it is refused."""
    return place.parent / _REFUSED / place.name


def checked_source(source: str) -> str:
    """Return *source* when it is a name.

    Raises:
        OperatorError: it is not.
    """
    if not NAME.fullmatch(source):
        raise OperatorError(
            f"{source!r} is no name of a source. Fix: up to 64 lower-case letters, digits, '-', '_'"
        )
    return source


def checked_batch(batch_id: str) -> str:
    """Return *batch_id* when it is one.

    Raises:
        OperatorError: it is not.
    """
    if not _BATCH.fullmatch(batch_id):
        raise OperatorError(
            f"{batch_id!r} is no batch id. Fix: up to 100 letters, digits, '.', '-' and '_', "
            "the first a letter or a digit, as 2026-11-20"
        )
    return batch_id


@contextmanager
def staged(place: Path) -> Iterator[Path]:
    """Yield an empty folder for the files of the batch at *place*; it is gone afterwards.

    What a killed run has left is swept away first; a folder whose process lives is locked.

    Raises:
        OperatorError: the folder of the source cannot be written.
    """
    try:
        source = place.parent
        (source / _STAGED).mkdir(parents=True, exist_ok=True)
        with _locked(source):
            _recover(source)
            folder = Path(tempfile.mkdtemp(dir=source / _STAGED, prefix=f"{place.name}."))
            handle = _hold(folder)
    except OSError as error:
        raise OperatorError(
            f"{place.parent}: cannot be written: {error.strerror}. Fix: a folder to write to, "
            "features.records_path in config.yaml"
        ) from error
    try:
        yield folder
    except OSError as error:
        raise OperatorError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def publish(folder: Path, place: Path) -> None:
    """Put *folder*, with all that is in it, at *place*, instead of what is there."""
    _flush(folder)
    source = place.parent
    before = source / _REPLACED / place.name
    with _locked(source):
        if place.exists():
            shutil.rmtree(before, ignore_errors=True)
            before.parent.mkdir(exist_ok=True)
            place.rename(before)
        folder.rename(place)
        _flush_one(source)
        shutil.rmtree(before, ignore_errors=True)
        shutil.rmtree(refused_place(place), ignore_errors=True)


def refuse(folder: Path, place: Path) -> Path:
    """Keep *folder* where no reader of records looks, and return where; *place* stays as it is."""
    _flush(folder)
    refused = refused_place(place)
    refused.parent.mkdir(exist_ok=True)
    with _locked(place.parent):
        shutil.rmtree(refused, ignore_errors=True)
        folder.rename(refused)
    return refused


def _recover(source: Path) -> None:
    """Undo what a killed process left undone: half a batch goes, one that was set aside is back."""
    _put_back(source)
    for folder in (source / _STAGED).iterdir():
        handle = _hold(folder)
        if handle is not None:
            shutil.rmtree(folder)
            os.close(handle)


def _put_back(source: Path) -> None:
    for before in (source / _REPLACED).glob("*"):
        place = source / before.name
        if place.exists():
            shutil.rmtree(before)
        else:
            before.rename(place)


def _hold(folder: Path) -> int | None:
    """Lock *folder* for the life of this process; None where another holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextmanager
def _locked(source: Path) -> Iterator[None]:
    """Hold *source* for the moment of a renaming; the kernel lets go when the process ends."""
    handle = os.open(source / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _flush(folder: Path) -> None:
    """Have all below *folder* on the disk before a name says that it is there."""
    for path in folder.rglob("*"):
        _flush_one(path)
    _flush_one(folder)


def _flush_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
