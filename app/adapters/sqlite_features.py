"""Features by entity in SQLite: a file for each generation, and a pointer to the one in service.

A generation never changes, so readers need no lock and never wait, and what one lookup finds lies
in one generation. A new one is built aside; renaming the pointer puts it in service. Its file goes
two generations later, when nobody reads it any more.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.adapters.generations import generation_of, pointer_of, table_for
from app.domain.entities import EntityTable, Found, Generation
from app.errors import FeatureStoreError, FeaturesUnavailableError
from app.files import PRIVATE, write_atomically

POINTER: Final = "current.json"
_BUILDING: Final = ".building"
_CACHE_KIB: Final = 65_536  # of pages, while a generation is built
_LOOKS: Final = 3  # a pointer read just before it changes leads to a file that is gone


class SqliteFeatures:
    """Fulfils ``EntityStore``.

    Args:
        folder: of the generations; only this user may read them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pointer = folder / POINTER
        self._opened: _Opened | None = None

    def current(self) -> Generation:
        """Return the generation in service."""
        return self._current().generation

    def look_up(self, names: Sequence[str], entities: Sequence[str]) -> Found:
        """Return *names* of each of *entities*, in the same order."""
        for look in range(_LOOKS):
            opened = self._current()
            try:
                return opened.look_up(names, entities)
            except sqlite3.Error as error:
                if look + 1 == _LOOKS or not self._has_moved_on(opened):
                    raise _unreadable(error) from error
        raise AssertionError

    def write(self, as_of: datetime, tables: Iterable[EntityTable]) -> Generation:
        """Write a new generation, and put it in service when it is whole."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._alone():
                return self._replace(as_of, tables)
        except (OSError, sqlite3.Error) as error:
            raise FeatureStoreError(
                f"{self._folder}: the features cannot be written: {error}. "
                "Fix: room on the disk, and a folder to write to (features.online_path)"
            ) from error

    def _current(self) -> _Opened:
        """Return the generation that the pointer names; a look at it is cheap."""
        try:
            stat = self._pointer.stat()
            opened = self._opened
            if opened is not None and opened.mark == (stat.st_ino, stat.st_mtime_ns):
                return opened
            with self._pointer.open("rb") as file:
                stat = os.fstat(file.fileno())
                generation = generation_of(file.read())
        except (OSError, ValueError) as error:
            raise _unreadable(error) from error
        mark = (stat.st_ino, stat.st_mtime_ns)
        self._opened = _Opened(self._file(generation.number), generation, mark)
        if opened is not None:
            opened.retire()
        return self._opened

    def _has_moved_on(self, opened: _Opened) -> bool:
        return self._current() is not opened

    def _file(self, number: int) -> Path:
        return self._folder / f"generation-{number}.sqlite"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from writing here until the block ends, however this process ends."""
        with (self._folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FeatureStoreError(
                    f"{self._folder}: another materialisation is at work. Fix: wait for it"
                ) from None
            yield

    def _replace(self, as_of: datetime, tables: Iterable[EntityTable]) -> Generation:
        for left in self._folder.glob(f"{_BUILDING}*"):
            left.unlink()
        served = self._served()
        number = max([served, *self._numbers()]) + 1
        building = self._folder / f"{_BUILDING}-{number}"
        try:
            generation = Generation(number, as_of, _build(building, tables))
            building.rename(self._file(number))
        finally:
            building.unlink(missing_ok=True)  # of a full disk it may have taken the last
        write_atomically(self._pointer, pointer_of(generation), mode=PRIVATE)
        # The one before stays until next time: whoever closes a file last waits while it is freed.
        for old in set(self._numbers()) - {served, number}:
            self._file(old).unlink()
        return generation

    def _served(self) -> int:
        with suppress(FeaturesUnavailableError):
            return self.current().number
        return 0

    def _numbers(self) -> list[int]:
        """Return the numbers of all files; one that never served is of a killed run."""
        texts = [it.stem.rpartition("-")[2] for it in self._folder.glob("generation-*.sqlite")]
        return [int(text) for text in texts if text.isdecimal()]


class _Opened:
    """A generation, and its connections that nobody uses at the moment.

    There are as many connections as lookups at the same time. When another generation takes over
    they are closed, so that none keeps the file of this one.
    """

    def __init__(self, path: Path, generation: Generation, mark: tuple[int, int]) -> None:
        self.generation = generation
        self.mark = mark
        self._address = f"{path.as_uri()}?mode=ro&immutable=1"
        self._idle: deque[sqlite3.Connection] = deque()
        self._is_retired = False

    def look_up(self, names: Sequence[str], entities: Sequence[str]) -> Found:
        entity = table_for(self.generation, names)
        columns = ", ".join(map(_quoted, names))
        query = f"SELECT {columns} FROM {_quoted(entity)} WHERE entity = ?"  # noqa: S608
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = sqlite3.connect(
                self._address, uri=True, check_same_thread=False, isolation_level=None
            )
        rows: list[Any] = [connection.execute(query, (it,)).fetchone() for it in entities]
        self._idle.append(connection)
        if self._is_retired:
            self.retire()
        return Found(self.generation, entity, rows)

    def retire(self) -> None:
        self._is_retired = True
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread has taken the last one
                return


def _build(path: Path, tables: Iterable[EntityTable]) -> dict[str, tuple[str, ...]]:
    """Write *tables* to a file that has reached the disk when this returns."""
    features: dict[str, tuple[str, ...]] = {}
    path.touch(mode=PRIVATE)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for table in tables:
            columns = ", ".join(map(_quoted, table.names))
            name = _quoted(table.entity)
            connection.execute(
                f"CREATE TABLE {name} (entity TEXT PRIMARY KEY, {columns}) WITHOUT ROWID"
            )
            marks = ", ".join("?" * (len(table.names) + 1))
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", table.rows)  # noqa: S608
            features[table.entity] = table.names
        connection.execute("COMMIT")
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return features


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unreadable(error: Exception) -> FeaturesUnavailableError:
    if isinstance(error, FileNotFoundError):
        return FeaturesUnavailableError("No features have been materialised yet.")
    return FeaturesUnavailableError("The feature store cannot be read.")
