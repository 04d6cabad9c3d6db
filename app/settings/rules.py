"""The rules that settings describe."""

from __future__ import annotations

from app.domain.access import ADMIN_ROLE, Action, Grant, grants_of_roles
from app.domain.rates import parse_rates
from app.domain.rules import Policy, Rules
from app.settings.schema import Settings


def rules_of(settings: Settings) -> Rules:
    """Return grants and limits as *settings* have them."""
    return Rules(
        _grants(settings),
        parse_rates(settings.rate_limit),
        [
            Policy(
                name=policy.name,
                rates=parse_rates(policy.rates),
                roles=frozenset(policy.roles),
                models=policy.models,
                cost=policy.cost,
                replaces_default=policy.replaces_default,
            )
            for policy in settings.limits.policies
        ],
        settings.limits.concurrent_requests,
    )


def _grants(settings: Settings) -> tuple[Grant, ...]:
    if not settings.enable_auth:
        # Whoever calls may ask; revoking and reloading is for somebody with a name.
        return (Grant(frozenset({Action.PREDICT, Action.READ}), frozenset({ADMIN_ROLE})),)
    if not settings.grants:
        return grants_of_roles(settings.allowed_roles)
    return tuple(
        Grant(
            frozenset(map(Action, grant.actions)),
            frozenset(grant.roles),
            frozenset(grant.scopes),
            grant.models,
        )
        for grant in settings.grants
    )
