"""Puts the version before back onto a stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.errors import RegistryError
from app.lifecycle import history
from app.lifecycle.promote import NOTHING, Change, Promotion, promote
from app.lifecycle.registry import Registry, checked_name, versions
from app.lifecycle.retire import retirement_of
from app.lifecycle.stages import checked_stage, contract_on, version_on


def rollback(
    models: Path, registry: Registry, name: str, *, stage: str, change: Change | None = None
) -> Promotion:
    """Promote what *stage* held before, as its history says; done twice, it goes back twice.

    A version that is retired or no longer stored is passed over.

    Args:
        models: the folder of the stages.
        registry: where versions lie.
        name: a promoted model.
        stage: dev, staging or production.
        change: who rolls back and why; None for this process's user.

    Raises:
        RegistryError: the history knows no version to go back to.
        StageChangedError: somebody else is promoting, or has done so meanwhile.
    """
    there = models / checked_stage(stage)
    contract = contract_on(there, checked_name(name))
    current = contract.version if contract is not None else None
    stored = {str(version) for version in versions(registry, name)}
    earlier = history.undone(history.read(there, name), current)
    for version in earlier:
        if version in stored and retirement_of(registry, name, version) is None:
            break
    else:
        raise RegistryError(_no_way_back(name, stage, current, earlier))
    replaces = (change and change.replaces) or version_on(there, name) or NOTHING
    change = replace(change or Change(), replaces=replaces, action="rollback")
    return promote(models, registry, name, version, stage=stage, change=change)


def _no_way_back(name: str, stage: str, current: str | None, earlier: list[str]) -> str:
    if current is None:
        return f"{name} is not on {stage}, so there is nothing to roll back"
    why = f"; {', '.join(earlier)} retired or gone" if earlier else ""
    return (
        f"the history of {stage} knows no version of {name} before {current} to go back to{why}. "
        f"Fix: promote a version that you name, with scripts/models.py promote {name}@VERSION."
    )
