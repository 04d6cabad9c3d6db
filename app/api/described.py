"""Which models a caller is told about, and their contracts as far as they are known."""

from __future__ import annotations

from contextlib import suppress

from flask import g

from app.api.edge import services
from app.api.openapi import Described
from app.domain.access import Action, Principal
from app.domain.contract import Contract
from app.errors import ModelNotReadyError, ModelUnknownError


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
    return Described(contracts, models.default_name)
