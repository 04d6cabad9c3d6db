"""The contract of a model version that a user names, without opening its artefact."""

from __future__ import annotations

from app.domain.contract import Contract
from app.errors import NotPromotedError
from app.lifecycle.registry import STAGES_FOLDER, checked_name, read_contract, registry_of
from app.lifecycle.scoring import model_named
from app.lifecycle.stages import contract_on
from app.settings.schema import Settings


def contract_named(settings: Settings, text: str) -> Contract:
    """Return the contract of ``NAME[@VERSION]``; without a version, of the promoted one.

    Raises:
        OperatorError: it names no model.
        NotPromotedError: no version of it is promoted in this environment.
        RegistryError: there is no such version.
    """
    name, version = model_named(text)
    if version is not None:
        return read_contract(registry_of(settings), name, version)
    contract = contract_on(settings.path(STAGES_FOLDER) / settings.stage, checked_name(name))
    if contract is None:
        raise NotPromotedError(
            f"no version of {name} is promoted to {settings.stage}. Fix: name one, as {name}@1, or "
            f"promote it: scripts/promote_model.py {name}"
        )
    return contract
