"""The keys that verify tokens now, from every source that the settings name."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from app.domain.ports import Metrics
from app.errors import KeysUnavailableError
from app.settings import key_files
from app.settings.keys import Found, Key

log = logging.getLogger("gatehouse.keys")
LOOK_SECONDS: Final = 1.0


class KeySet:
    """Keys as they were at one moment. Of two with the same ``kid`` the first counts."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self.keys = keys
        self._by_id = {key.kid: key for key in reversed(keys) if key.kid is not None}
        secret = next((key for key in keys if isinstance(key.material, str)), None)
        self._unnamed = secret or (keys[0] if len(keys) == 1 else None)

    def choose(self, kid: str | None) -> Key | None:
        """Return the key named *kid*; for None, the shared secret, or the one key there is."""
        return self._unnamed if kid is None else self._by_id.get(kid)


class KeySource(Protocol):
    """Where keys come from."""

    is_loaded: bool  # whether the source has ever answered

    def current(self) -> tuple[Key, ...]:
        """Return the keys in force, which a failure to read them again does not change."""
        ...

    def look_again(self) -> bool:
        """Read again because a token names a key that nobody knows; say whether that was done."""
        ...


class OneAtATime:
    """A lock that nobody waits for. A fork opens it: its holder is no thread of the child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Yield whether it is this thread's turn."""
        if self._pid != os.getpid():
            self._lock, self._pid = threading.Lock(), os.getpid()
        lock = self._lock
        is_mine = lock.acquire(blocking=False)
        try:
            yield is_mine
        finally:
            if is_mine:
                lock.release()


class Keyring:
    """Joins a shared secret and any number of sources; asks these once a second at the most.

    Args:
        secret: the key of the HS* algorithms, or None.
        sources: of public keys. Where two have a ``kid`` in common, the first wins.
    """

    def __init__(
        self,
        secret: Key | None,
        sources: Sequence[KeySource] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret = () if secret is None else (secret,)
        self._sources = tuple(sources)
        self._now = now
        self._looked_at = now()
        self._set = KeySet(self._found())
        self._updating = OneAtATime()

    def current(self) -> KeySet:
        """Return the keys in force: the same object for as long as they do not change."""
        now = self._now()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._update()
        return self._set

    def look_again(self) -> KeySet:
        """Return the keys in force after every source was told that a key is missing."""
        answers = [source.look_again() for source in self._sources]
        if any(answers):
            self._update()
        return self._set

    def check_loaded(self) -> None:
        """Pass when there is a key, or there truly is none.

        Raises:
            KeysUnavailableError: there is none because a source has never answered.
        """
        if not self._set.keys and not all(source.is_loaded for source in self._sources):
            raise KeysUnavailableError("The keys that verify tokens could not be fetched yet.")

    def _update(self) -> None:
        with self._updating.turn() as is_mine:
            if is_mine and (found := self._found()) != self._set.keys:
                self._set = KeySet(found)
                log.info("keys changed", extra={"kids": [key.kid for key in found]})

    def _found(self) -> tuple[Key, ...]:
        return self._secret + tuple(key for source in self._sources for key in source.current())


class FileKeys:
    """Fulfils ``KeySource`` with files, read again when they change.

    Args:
        path: a file or a folder.
        read: returns what is there; on ValueError or OSError the keys before it stay in force.
    """

    def __init__(self, path: Path, read: Callable[[Path], Found], metrics: Metrics) -> None:
        self._path = path
        self._read = read
        self._metrics = metrics
        self._keys: tuple[Key, ...] = ()
        self._seen: object = self
        self.is_loaded = True

    def current(self) -> tuple[Key, ...]:
        """Return the keys in force; a change of the files counts at once."""
        stamp = key_files.stamp(self._path)
        if stamp != self._seen:
            self._seen = stamp
            self._follow()
        return self._keys

    def look_again(self) -> bool:
        """Do nothing: the files are looked at every second."""
        return False

    def _follow(self) -> None:
        try:
            found = self._read(self._path)
        except (OSError, ValueError) as error:
            problem = key_files.reason_of(error)
            failed(self._metrics, str(self._path), problem)
        else:
            # A file that is being written is no withdrawal; only one that is gone is.
            kept = tuple(key for key in self._keys if key.kid in found.unread)
            found = replace(found, keys=found.keys + kept)
            self._keys = taken(found, self._keys, self._metrics)


def taken(found: Found, before: tuple[Key, ...], metrics: Metrics) -> tuple[Key, ...]:
    """Return the keys of a successful look, after saying what changed and what was passed over."""
    for problem in found.problems:
        log.warning("key passed over", extra={"problem": problem})
    metrics.keys_refreshed("unchanged" if found.keys == before else "changed")
    return found.keys


def failed(metrics: Metrics, source: str, problem: str) -> None:
    """Say that a look failed, without a word of what was read."""
    log.warning("keys not read, those before stay", extra={"source": source, "problem": problem})
    metrics.keys_refreshed("failed")
