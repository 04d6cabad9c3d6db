from __future__ import annotations

import pytest

from app.domain.access import Action, Principal, authorise
from app.errors import PermissionMissingError

ROLES = ("admin", "user")


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
    assert authorise(Principal("alice", frozenset(roles)), action, ROLES) is None


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
    with pytest.raises(PermissionMissingError, match=action):
        authorise(Principal("alice", frozenset(roles)), action, ROLES)
