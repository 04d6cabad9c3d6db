"""Who somebody is and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

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
    scopes: frozenset[str] = frozenset()
    token_id: str | None = None
    issued_at: float = 0.0
    expires_at: float = float("inf")


@dataclass(frozen=True, slots=True)
class Grant:
    """Whoever has one of ``roles`` or ``scopes`` may do ``actions`` with models like ``models``."""

    actions: frozenset[Action]
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    models: tuple[str, ...] = ("*",)

    def covers(self, principal: Principal, action: Action, model: str | None) -> bool:
        """Say whether this lets *principal* do *action* with *model*, or, for None, with any."""
        if action not in self.actions:
            return False
        if self.roles.isdisjoint(principal.roles) and self.scopes.isdisjoint(principal.scopes):
            return False
        return model is None or is_like(model, self.models)


def is_like(model: str, patterns: tuple[str, ...]) -> bool:
    """Say whether one of *patterns* fits the name; ``*`` and ``?`` stand for any letters."""
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def grants_of_roles(allowed_roles: tuple[str, ...]) -> tuple[Grant, ...]:
    """Return what holds where no grants are set: *allowed_roles* predict and read, admin rules."""
    return (
        Grant(frozenset({Action.PREDICT, Action.READ}), frozenset(allowed_roles)),
        Grant(frozenset({Action.ADMIN}), frozenset({ADMIN_ROLE})),
    )
