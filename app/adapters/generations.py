"""A generation of features as the pointer of a store tells it, in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from app.domain.entities import Generation
from app.errors import FeaturesAbsentError


def pointer_of(generation: Generation, **more: object) -> bytes:
    """Return what tells *generation*, and *more* that only its store understands."""
    return orjson.dumps(
        {
            "generation": generation.number,
            "as_of": generation.as_of,
            "features": generation.features,
            **more,
        },
        option=orjson.OPT_UTC_Z,
    )


def generation_of(pointer: bytes) -> Generation:
    """Return the generation that *pointer* tells.

    Raises:
        ValueError: it tells none.
    """
    try:
        found: dict[str, Any] = orjson.loads(pointer)
        features = {entity: tuple(names) for entity, names in found["features"].items()}
        as_of = datetime.fromisoformat(found["as_of"])
        return Generation(found["generation"], as_of, features)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the pointer tells no generation") from error


def table_for(generation: Generation, names: Sequence[str]) -> str:
    """Return the column of the entity that has all of *names*.

    Raises:
        FeaturesAbsentError: none has; says what is absent.
    """
    entity = generation.entity_of(names)
    if entity is None:
        absent = ", ".join(repr(name) for name in generation.unknown(names)[:10])
        raise FeaturesAbsentError(
            f"The feature store has no {absent}, so this model takes rows as 'data' only."
        )
    return entity
