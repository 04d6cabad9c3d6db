"""Features by entity in Redis: a prefix for each generation, and a pointer to the one in service.

The entities of a generation are spread over hashes of some hundred each. Every hash holds a mark of
its own, so that one which has expired, or was evicted, is not taken for one without the entity.
Pointer and values are asked for in one round trip; where the pointer has changed since the last
lookup, the values are asked for again, so all of one lookup lie in one generation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

from app.adapters.generations import generation_of, pointer_of, table_for
from app.adapters.redis_store import RedisStore
from app.domain.entities import EntityTable, FeatureValue, Found, Generation
from app.errors import FeaturesAbsentError, FeatureStoreError, FeaturesUnavailableError

PREFIX: Final = "gatehouse:features"
POINTER: Final = f"{PREFIX}:current"
_NUMBER: Final = f"{PREFIX}:number"
_MARK: Final = b""  # no entity has an empty name
_ENTITIES_A_HASH: Final = 200
_GRACE_SECONDS: Final = 60  # how long who has just read the pointer finds the old generation
_ROWS_AT_ONCE: Final = 50_000  # in memory, so that some of them share a hash
_HASHES_AT_ONCE: Final = 100
_LOOKS: Final = 3


class _Seen(NamedTuple):
    """A generation, and in how many hashes the entities of each kind lie."""

    pointer: bytes
    generation: Generation
    n_hashes: dict[str, int]


class RedisFeatures:
    """Fulfils ``EntityStore``.

    Args:
        store: the way to Redis.
        keep_seconds: how long a generation is kept that nothing replaces.
    """

    def __init__(self, store: RedisStore, keep_seconds: int) -> None:
        self._store = store
        self._keep_seconds = keep_seconds
        self._seen: _Seen | None = None

    def current(self) -> Generation:
        """Return the generation in service."""
        return self._ask_pointer().generation

    def look_up(self, names: Sequence[str], entities: Sequence[str]) -> Found:
        """Return *names* of each of *entities*, in the same order."""
        seen = self._seen or self._ask_pointer()
        for _ in range(_LOOKS):
            pointer, found = self._look(seen, names, entities)
            if pointer == seen.pointer:
                if found is None:
                    raise FeaturesUnavailableError("Features are lost; materialise them again.")
                return found
            self._seen = seen = _seen_of(pointer)
        raise FeaturesUnavailableError("The feature store changes all the time.")

    def write(self, as_of: datetime, tables: Iterable[EntityTable]) -> Generation:
        """Write a new generation, and put it in service when it is whole."""
        try:
            return self._store.ask(lambda: self._write(as_of, tables))
        except OSError as error:
            raise FeatureStoreError(
                f"features.online_url: the features cannot be written: {error}. "
                "Fix: a Redis that answers, with memory for two generations"
            ) from error

    def _look(
        self, seen: _Seen, names: Sequence[str], entities: Sequence[str]
    ) -> tuple[bytes | None, Found | None]:
        """Return the pointer as it is now, and what *seen* has; None where a hash is lost."""
        try:
            entity = table_for(seen.generation, names)
        except FeaturesAbsentError:
            # The next generation may have them.
            pointer = self._ask(lambda: self._store.client.get(POINTER))
            if pointer == seen.pointer:
                raise
            return pointer, None
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for place, name in enumerate(entities):
            groups[_hash_of(name, seen.n_hashes[entity])].append(place)
        pipeline = self._store.client.pipeline(transaction=False)
        pipeline.get(POINTER)
        for number, places in groups.items():
            key = _key(seen.generation.number, entity, number)
            pipeline.hmget(key, [_MARK, *(entities[place] for place in places)])
        pointer, *answers = self._ask(pipeline.execute)
        if any(answer[0] is None for answer in answers):
            return pointer, None
        known = seen.generation.features[entity]
        columns = [known.index(name) for name in names]
        rows: list[Sequence[FeatureValue] | None] = [None] * len(entities)
        for places, answer in zip(groups.values(), answers, strict=True):
            for place, text in zip(places, answer[1:], strict=True):
                rows[place] = _chosen(text, columns)
        return pointer, Found(seen.generation, entity, rows)

    def _ask_pointer(self) -> _Seen:
        self._seen = _seen_of(self._ask(lambda: self._store.client.get(POINTER)))
        return self._seen

    def _ask(self, question: Any) -> Any:
        try:
            return self._store.ask(question)
        except OSError as error:
            raise FeaturesUnavailableError("The feature store does not answer.") from error

    def _write(self, as_of: datetime, tables: Iterable[EntityTable]) -> Generation:
        client: Any = self._store.client
        number = client.incr(_NUMBER)
        features: dict[str, tuple[str, ...]] = {}
        n_hashes: dict[str, int] = {}
        for table in tables:
            features[table.entity] = table.names
            n_hashes[table.entity] = max(1, table.n_rows // _ENTITIES_A_HASH)
            self._write_table(number, table, n_hashes[table.entity])
        generation = Generation(number, as_of, features)
        before = client.set(POINTER, pointer_of(generation, n_hashes=n_hashes), get=True)
        if before is not None:
            self._retire(before)
        return generation

    def _write_table(self, number: int, table: EntityTable, n_hashes: int) -> None:
        """Write marks that expire by themselves, then the entities beside them."""
        client: Any = self._store.client
        for keys in _chunks(_keys(number, table.entity, n_hashes), _HASHES_AT_ONCE):
            pipeline = client.pipeline(transaction=True)
            for key in keys:
                pipeline.hset(key, _MARK, number)
                pipeline.expire(key, self._keep_seconds)
            pipeline.execute()
        for rows in _chunks(table.rows, _ROWS_AT_ONCE):
            groups: defaultdict[int, dict[Any, bytes]] = defaultdict(dict)
            for name, *values in rows:
                groups[_hash_of(str(name), n_hashes)][name] = orjson.dumps(values)
            for some in _chunks(groups.items(), _HASHES_AT_ONCE):
                pipeline = client.pipeline(transaction=False)
                for place, mapping in some:
                    pipeline.hset(_key(number, table.entity, place), mapping=mapping)
                pipeline.execute()

    def _retire(self, pointer: bytes) -> None:
        """Let the generation that *pointer* told expire soon."""
        client: Any = self._store.client
        try:
            seen = _seen_of(pointer)
        except FeaturesUnavailableError:  # of nothing that can be found any more
            return
        for entity, n_hashes in seen.n_hashes.items():
            keys = _keys(seen.generation.number, entity, n_hashes)
            for some in _chunks(keys, _HASHES_AT_ONCE):
                pipeline = client.pipeline(transaction=False)
                for key in some:
                    pipeline.expire(key, _GRACE_SECONDS)
                pipeline.execute()


def _seen_of(pointer: bytes | None) -> _Seen:
    if pointer is None:
        raise FeaturesUnavailableError("No features have been materialised yet.")
    try:
        return _Seen(pointer, generation_of(pointer), orjson.loads(pointer)["n_hashes"])
    except (ValueError, KeyError) as error:
        raise FeaturesUnavailableError("The feature store cannot be read.") from error


def _chosen(text: bytes | None, columns: Sequence[int]) -> Sequence[FeatureValue] | None:
    if text is None:
        return None
    values = orjson.loads(text)
    return [values[column] for column in columns]


def _hash_of(entity: str, n_hashes: int) -> int:
    return crc32(entity.encode()) % n_hashes


def _key(number: int, entity: str, place: int) -> str:
    return f"{PREFIX}:{number}:{entity}:{place}"


def _keys(number: int, entity: str, n_hashes: int) -> Iterator[str]:
    return (_key(number, entity, place) for place in range(n_hashes))


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
