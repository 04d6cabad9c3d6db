"""The rules in force: grants and limits. They change as a whole when settings are reloaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from app.domain.access import Action, Grant, Principal, is_like
from app.domain.rates import Charge, Rate
from app.errors import PermissionMissingError

CONCURRENT: Final = "concurrent"
HELD_SECONDS: Final = 60  # a place of a killed worker is free again after so long
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """Rates of each subject, for some roles and models or all of them."""

    name: str
    rates: tuple[Rate, ...]
    roles: frozenset[str] = frozenset()
    models: tuple[str, ...] = ("*",)
    cost: Literal["requests", "rows"] = "requests"
    replaces_default: bool = False

    def covers(self, principal: Principal, model: str | None) -> bool:
        """Say whether a request of *principal*, about *model* if any, counts here."""
        if self.roles and self.roles.isdisjoint(principal.roles):
            return False
        return "*" in self.models or (model is not None and is_like(model, self.models))


@dataclass(frozen=True, slots=True)
class _Standing:
    """What holds for everybody of the same roles and scopes with one model."""

    requests: tuple[Rate, ...]
    rows: tuple[Rate, ...]
    actions: frozenset[Action]


class Rules:
    """Grants and limits, with what follows from them remembered by roles, scopes and model.

    Args:
        grants: who may do what.
        rates: of every subject, unless a policy that covers it replaces them.
        policies: further limits.
        concurrent_requests: of one subject; 0 for any number.
    """

    def __init__(
        self,
        grants: Sequence[Grant],
        rates: tuple[Rate, ...],
        policies: Sequence[Policy] = (),
        concurrent_requests: int = 0,
    ) -> None:
        self.grants = tuple(grants)
        self.rates = rates
        self.policies = tuple(policies)
        self._held = (
            Rate(concurrent_requests, HELD_SECONDS, CONCURRENT, is_held=True)
            if concurrent_requests
            else None
        )
        self._standings: dict[tuple[frozenset[str], frozenset[str], str | None], _Standing] = {}

    def authorise(self, principal: Principal, action: Action, model: str | None = None) -> None:
        """Pass when a grant lets *principal* do *action* with *model*, or, for None, with any.

        Raises:
            PermissionMissingError: none does. It tells the missing grant, not what exists.
        """
        if action not in self._standing(principal, model).actions:
            on = "" if model is None else f" on '{model[:64]}'"
            raise PermissionMissingError(f"This needs a grant of '{action}'{on}.")

    def may(self, principal: Principal, action: Action, model: str | None = None) -> bool:
        """Say what ``authorise`` would."""
        return action in self._standing(principal, model).actions

    def charges(self, principal: Principal, model: str | None) -> tuple[Charge, ...]:
        """Return what one request of *principal* costs, whatever it holds."""
        key = _key(principal)
        return tuple([Charge(key, rate) for rate in self._standing(principal, model).requests])

    def held_charges(self, principal: Principal) -> tuple[Charge, ...]:
        """Return what a request holds until it is answered; a killed worker's runs out."""
        return (Charge(_key(principal), self._held),) if self._held else ()

    def row_charges(self, principal: Principal, model: str, n_rows: int) -> tuple[Charge, ...]:
        """Return what *n_rows* cost besides, where a policy counts rows."""
        key = _key(principal)
        return tuple([Charge(key, r, n_rows) for r in self._standing(principal, model).rows])

    def _standing(self, principal: Principal, model: str | None) -> _Standing:
        key = (principal.roles, principal.scopes, model)
        found = self._standings.get(key)
        if found is None:
            if len(self._standings) >= _REMEMBERED:
                self._standings = {}
            found = self._standings[key] = self._look_up(principal, model)
        return found

    def _look_up(self, principal: Principal, model: str | None) -> _Standing:
        covering = [policy for policy in self.policies if policy.covers(principal, model)]
        rates = () if any(policy.replaces_default for policy in covering) else self.rates

        def counted(is_counted: Callable[[Policy], bool]) -> tuple[Rate, ...]:
            return tuple(
                replace(rate, policy=policy.name)
                for policy in covering
                if is_counted(policy)
                for rate in policy.rates
            )

        return _Standing(
            requests=rates + counted(lambda policy: policy.cost == "requests"),
            rows=counted(lambda policy: policy.cost == "rows"),
            actions=frozenset(
                action
                for action in Action
                if any(grant.covers(principal, action, model) for grant in self.grants)
            ),
        )


def _key(principal: Principal) -> str:
    return f"subject:{principal.subject}"
