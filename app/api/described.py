"""Which models a caller is told about, and their contracts as far as they are known."""

from __future__ import annotations

from contextlib import suppress

from flask import g

from app.api.edge import services
from app.api.openapi import Described
from app.domain.access import Action, Principal
from app.domain.contract import Contract
from app.errors import FeaturesUnavailableError, ModelNotReadyError, ModelUnknownError


def readable_names() -> list[str]:
    """Return the promoted models that the caller may read: all where nobody asks who it is."""
    principal: Principal | None = g.get("principal")
    names = services().models.names()
    if principal is None:
        return list(names)
    rules = services().rules.current()
    return [name for name in names if rules.may(principal, Action.READ, name)]


def readable_models() -> Described:
    """Return the contracts of those models, none of which is loaded for it but the default."""
    models = services().models
    contracts: dict[str, Contract] = {}
    with suppress(ModelNotReadyError):
        models.current()
    for name in readable_names():
        with suppress(ModelNotReadyError, ModelUnknownError):
            contracts[name] = models.contract(name)
    by_entity = frozenset(name for name, it in contracts.items() if takes_entities(it))
    return Described(contracts, models.default_name, by_entity)


def takes_entities(contract: Contract) -> bool:
    """Say whether the feature store has all features of a model, as it serves now."""
    try:
        generation = services().entities.current()
    except FeaturesUnavailableError:
        return False
    return generation.entity_of(contract.feature_names) is not None
