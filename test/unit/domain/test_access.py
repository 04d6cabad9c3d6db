from __future__ import annotations

import pytest

from app.domain.access import Action, Grant, Principal, grants_of_roles
from app.domain.rates import Rate
from app.domain.rules import Rules
from app.errors import PermissionMissingError


def rules(*grants: Grant) -> Rules:
    return Rules(grants or grants_of_roles(("admin", "user")), (Rate(1, 60),))


def somebody(*roles: str, scopes: tuple[str, ...] = ()) -> Principal:
    return Principal("alice", frozenset(roles), frozenset(scopes))


@pytest.mark.parametrize(
    ("roles", "action", "may"),
    [
        (("user",), Action.PREDICT, True),
        (("user",), Action.READ, True),
        (("user",), Action.ADMIN, False),
        (("admin",), Action.ADMIN, True),
        (("guest",), Action.PREDICT, False),
        ((), Action.READ, False),
    ],
)
def test_without_grants_allowed_roles_predict_and_read_and_admin_administers(
    *, roles: tuple[str, ...], action: Action, may: bool
) -> None:
    assert rules().may(somebody(*roles), action, "line") is may


def test_a_grant_holds_for_its_models_only() -> None:
    grant = Grant(frozenset({Action.PREDICT}), frozenset({"analyst"}), models=("fraud-*", "line"))
    allowed = rules(grant)

    may = {n: allowed.may(somebody("analyst"), Action.PREDICT, n) for n in ("fraud-2", "line", "x")}

    assert may == {"fraud-2": True, "line": True, "x": False}


def test_a_scope_grants_as_a_role_does() -> None:
    grant = Grant(frozenset({Action.READ}), scopes=frozenset({"models:read"}))

    assert rules(grant).may(somebody(scopes=("models:read",)), Action.READ)
    assert not rules(grant).may(somebody("models:read"), Action.READ)


def test_a_denial_names_the_missing_grant_and_no_model_but_the_one_asked_for() -> None:
    grant = Grant(frozenset({Action.PREDICT}), frozenset({"analyst"}), models=("line",))

    with pytest.raises(PermissionMissingError, match="grant of 'predict' on 'secret-one'"):
        rules(grant).authorise(somebody("analyst"), Action.PREDICT, "secret-one")


def test_a_model_named_by_nobody_asks_for_the_action_on_any() -> None:
    grant = Grant(frozenset({Action.READ}), frozenset({"analyst"}), models=("line",))

    assert rules(grant).may(somebody("analyst"), Action.READ)
