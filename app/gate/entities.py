"""From the names of entities to rows: their features are looked up instead of sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from app.domain.contract import Contract
from app.domain.entities import Found, Generation
from app.errors import (
    BodyTooLargeError,
    EntityUnknownError,
    FeaturesTooOldError,
    FieldError,
    InputInvalidError,
)
from app.gate.decode import PredictBody
from app.gate.places import Places
from app.gate.services import Services

LONGEST_NAME: Final = 200
_REASON: Final = "is not in the feature store"


def looked_up(body: PredictBody, contract: Contract, services: Services) -> PredictBody:
    """Return *body* with the features of its entities as rows, in the order of *contract*.

    What is missing is None, as if the caller had sent null. Which entities the store does not have
    is for ``refuse_unknown`` to say: whoever asks that, pays first.

    Raises:
        InputInvalidError: 'entities' is no list of names.
        FeaturesAbsentError: the store has not all features of the model.
        FeaturesUnavailableError: nothing was materialised, or the store does not answer.
        FeaturesTooOldError: what was materialised last is older than allowed.
    """
    entities = _checked(body.entities, services.settings.model.max_rows)
    found = services.entities.look_up(contract.feature_names, entities)
    _check_age(found.generation, services)
    places = _placed(entities, found)
    rows: list[Any] = [list(found.rows[row] or ()) for row in places.rows]
    return body._replace(data=rows, places=places, generation=found.generation)


def refuse_unknown(body: PredictBody) -> None:
    """Pass when all entities of *body*, which were looked up, are known, or may be skipped.

    Raises:
        EntityUnknownError: one is neither.
    """
    if body.places is not None and body.places.faults and not body.skips:
        raise EntityUnknownError(body.places.faults)


def freshness(generation: Generation, now: datetime) -> dict[str, object]:
    """Return what an answer says of the features that it was made from."""
    return {
        "generation": generation.number,
        "as_of": generation.as_of,
        "age_seconds": round(_age_seconds(generation, now), 3),
    }


def _checked(entities: object, max_rows: int) -> list[str]:
    if not isinstance(entities, list) or not entities:
        raise InputInvalidError([FieldError(None, None, "'entities' must be a list of names")])
    if len(entities) > max_rows:
        raise BodyTooLargeError(f"{len(entities)} rows; at most {max_rows} are taken.")
    faults = [
        FieldError(row, None, f"must be the name of an entity: 1 to {LONGEST_NAME} characters")
        for row, name in enumerate(entities)
        if type(name) is not str or not 0 < len(name) <= LONGEST_NAME
    ]
    if faults:
        raise InputInvalidError(faults)
    return entities


def _check_age(generation: Generation, services: Services) -> None:
    most = services.settings.features.max_age_seconds
    age = _age_seconds(generation, services.now())
    if age > most:
        raise FeaturesTooOldError(
            f"The features are {age:.0f} seconds old; at most {most} are allowed."
        )


def _age_seconds(generation: Generation, now: datetime) -> float:
    return max(0.0, (now - generation.as_of).total_seconds())


def _placed(entities: Sequence[str], found: Found) -> Places:
    known = [row for row, values in enumerate(found.rows) if values is not None]
    places = Places(entities, known, unit="entity")
    faults = tuple(
        places.fault(row, None, _REASON) for row, values in enumerate(found.rows) if values is None
    )
    return places._replace(faults=faults)
