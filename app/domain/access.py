"""Who somebody is and what they may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from app.errors import PermissionMissingError

ADMIN_ROLE = "admin"


class Action(StrEnum):
    """What a view lets somebody do."""

    PREDICT = "predict"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose token held. Times are seconds since the epoch."""

    subject: str
    roles: frozenset[str]
    token_id: str | None = None
    expires_at: float = float("inf")


def authorise(principal: Principal, action: Action, allowed_roles: Collection[str]) -> None:
    """Pass when a role of *principal* grants *action*.

    ``allowed_roles`` predict and read; only ``admin`` administers.

    Raises:
        PermissionMissingError: no role of the principal grants the action.
    """
    granting = {ADMIN_ROLE} if action is Action.ADMIN else allowed_roles
    if principal.roles.isdisjoint(granting):
        raise PermissionMissingError(f"This needs a role that grants '{action}'.")
