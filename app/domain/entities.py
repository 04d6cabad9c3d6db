"""Features that are looked up by entity: what a store holds, and how old that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

FeatureValue = float | int | str | None


class Generation(NamedTuple):
    """What one materialisation has left in a store: it never changes, only the next replaces it.

    Attributes:
        number: counts up in one store.
        as_of: what happened later is not in it.
        features: by the entity's column, the names of its features in the order of the store.
    """

    number: int
    as_of: datetime
    features: Mapping[str, tuple[str, ...]]

    def entity_of(self, names: Sequence[str]) -> str | None:
        """Return the column of an entity that has all of *names*; None when none has."""
        wanted = set(names)
        return next((it for it, known in self.features.items() if wanted <= set(known)), None)

    def unknown(self, names: Sequence[str]) -> list[str]:
        """Return those of *names* that the entity with the most of them lacks."""
        lacks = [[it for it in names if it not in known] for known in self.features.values()]
        return min(lacks, key=len, default=[*names])


class EntityTable(NamedTuple):
    """The features of all entities of one kind, on their way into a store.

    Attributes:
        entity: the column that names an entity.
        names: of the features.
        n_rows: how many entities there are.
        rows: an entity, then its values in the order of the names.
    """

    entity: str
    names: tuple[str, ...]
    n_rows: int
    rows: Iterable[tuple[FeatureValue, ...]]


class Found(NamedTuple):
    """What was looked up, all of it in one generation.

    Attributes:
        generation: that it lies in.
        entity: the column that names these entities.
        rows: of each entity its values in the order of the names, or None where it is not known.
    """

    generation: Generation
    entity: str
    rows: Sequence[Sequence[FeatureValue] | None]


class EntityFeatures(Protocol):
    """An online store of features. Threads may share it."""

    def current(self) -> Generation:
        """Return the generation in service.

        Raises:
            FeaturesUnavailableError: there is none, or the store does not answer.
        """
        ...

    def look_up(self, names: Sequence[str], entities: Sequence[str]) -> Found:
        """Return *names* of each of *entities*, in the same order.

        Raises:
            FeaturesAbsentError: no entity has all of *names*.
            FeaturesUnavailableError: there is no generation, or the store does not answer.
        """
        ...


class EntityStore(EntityFeatures, Protocol):
    """An online store that can be written."""

    def write(self, as_of: datetime, tables: Iterable[EntityTable]) -> Generation:
        """Write a new generation, which readers see as soon as it is whole.

        Raises:
            FeatureStoreError: it cannot be written; what served, serves on.
        """
        ...
