from __future__ import annotations

import pytest

from app.domain.access import Action, Grant, Principal
from app.domain.rates import Charge, Rate, parse_rates
from app.domain.rules import HELD_SECONDS, Policy, Rules

DEFAULT = parse_rates("100 per minute")
TIGHT = parse_rates("2 per second; 10 per minute")


def somebody(*roles: str) -> Principal:
    return Principal("alice", frozenset(roles))


def rules(*policies: Policy, concurrent_requests: int = 0) -> Rules:
    return Rules((), DEFAULT, policies, concurrent_requests)


def names(charges: tuple[Charge, ...]) -> list[str]:
    return [charge.rate.name for charge in charges]


def test_without_policies_a_request_costs_one_of_the_default() -> None:
    assert rules().charges(somebody(), "line") == (Charge("subject:alice", DEFAULT[0], 1),)


def test_a_policy_counts_besides_the_default() -> None:
    charges = rules(Policy("burst", TIGHT)).charges(somebody(), "line")

    assert names(charges) == ["60s", "burst-1s", "burst-60s"]


def test_a_policy_may_replace_the_default() -> None:
    limited = rules(Policy("partners", TIGHT, frozenset({"partner"}), replaces_default=True))

    assert names(limited.charges(somebody("partner"), None)) == ["partners-1s", "partners-60s"]
    assert names(limited.charges(somebody("user"), None)) == ["60s"]


@pytest.mark.parametrize(("model", "counts"), [("fraud-2", True), ("line", False), (None, False)])
def test_a_policy_of_some_models_counts_where_they_are_asked(
    model: str | None, *, counts: bool
) -> None:
    limited = rules(Policy("fraud", TIGHT, models=("fraud-*",)))

    assert ("fraud-1s" in names(limited.charges(somebody(), model))) is counts


def test_rows_are_charged_apart_from_requests() -> None:
    limited = rules(Policy("rows", parse_rates("1000 per day"), cost="rows"))

    assert names(limited.charges(somebody(), "line")) == ["60s"]
    (charge,) = limited.row_charges(somebody(), "line", 17)
    assert (charge.rate.name, charge.cost) == ("rows-86400s", 17)


def test_no_place_is_held_unless_requests_are_counted_at_once() -> None:
    assert rules().held_charges(somebody()) == ()


def test_a_held_place_is_told_of_without_the_time_after_which_it_runs_out() -> None:
    (charge,) = rules(concurrent_requests=4).held_charges(somebody())

    assert charge.rate == Rate(4, HELD_SECONDS, "concurrent", is_held=True)
    assert charge.rate.name == "concurrent"


def test_subjects_of_the_same_roles_are_charged_apart() -> None:
    limited = rules(Policy("burst", TIGHT))
    others = Principal("bob", frozenset())

    ours, theirs = limited.charges(somebody(), "line"), limited.charges(others, "line")

    assert {charge.key for charge in ours}.isdisjoint(charge.key for charge in theirs)


def test_what_is_remembered_of_the_rules_stays_small_and_right() -> None:
    grant = Grant(frozenset({Action.PREDICT}), frozenset({"r7"}))
    granted = Rules((grant,), DEFAULT)

    may = [granted.may(somebody(f"r{n}"), Action.PREDICT, "line") for n in range(3_000)]

    assert may.index(True) == 7
    assert sum(may) == 1
    assert len(granted._standings) <= 1_024
