from __future__ import annotations

import pytest

from app.domain.access import Action, Principal, authorise
from app.errors import PermissionMissingError


def may(roles: set[str], action: Action) -> bool:
    try:
        authorise(Principal("alice", frozenset(roles)), action, ("admin", "user"))
    except PermissionMissingError as error:
        return action not in str(error)
    return True


@pytest.mark.parametrize(
    ("roles", "action"),
    [
        ({"user"}, Action.PREDICT),
        ({"user"}, Action.READ),
        ({"other", "user"}, Action.READ),
        ({"admin"}, Action.ADMIN),
    ],
)
def test_a_role_that_grants_the_action_passes(roles: set[str], action: Action) -> None:
    assert may(roles, action)


@pytest.mark.parametrize(
    ("roles", "action"),
    [
        (set(), Action.PREDICT),
        ({"guest"}, Action.READ),
        ({"USER"}, Action.PREDICT),
        ({"user"}, Action.ADMIN),
    ],
)
def test_a_role_that_does_not_grant_it_is_refused(roles: set[str], action: Action) -> None:
    assert not may(roles, action)
