from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from pydantic import ValidationError

from app.domain.judge import Arm, Evidence, Rules, judge, remember, together

RULES = Rules()
GOOD = Evidence(
    champion=Arm(fast=18_900, slow=1_000, failed=100),
    candidate=Arm(fast=9_450, slow=500, failed=50),
    agreed=9_900,
    differed=100,
    seconds=3_600.0,
)


def test_a_candidate_like_the_champion_is_promoted() -> None:
    verdict = judge(GOOD, RULES)

    assert verdict.ruling == "promote"
    assert [finding.stance for finding in verdict.findings] == ["good", "good", "good"]


@pytest.mark.parametrize(
    ("worse", "measure"),
    [
        (replace(GOOD, candidate=Arm(fast=8_900, slow=500, failed=600)), "errors"),
        (replace(GOOD, candidate=Arm(fast=7_950, slow=2_000, failed=50)), "latency"),
        (replace(GOOD, agreed=8_000, differed=2_000), "disagreement"),
    ],
    ids=["errors", "latency", "disagreement"],
)
def test_one_worse_measure_rolls_back_and_is_named(worse: Evidence, measure: str) -> None:
    verdict = judge(worse, RULES)

    assert verdict.ruling == "roll back"
    assert verdict.reason == f"worse than tolerated in {measure}"
    assert [it.measure for it in verdict.findings if it.stance == "worse"] == [measure]


def test_a_candidate_that_only_fails_is_rolled_back_within_a_dozen_requests() -> None:
    champion = Arm(fast=200)

    rulings = [judge(Evidence(champion=champion, candidate=Arm(failed=n)), RULES).ruling
               for n in range(13)]  # fmt: skip

    assert rulings[:3] == ["continue"] * 3
    assert rulings[-1] == "roll back"


def test_slow_is_measured_among_the_answered() -> None:
    failing = replace(GOOD, candidate=Arm(fast=0, slow=0, failed=10_000))

    latency = judge(failing, RULES).findings[1]

    assert (latency.measure, latency.stance) == ("latency", "open")


def test_nothing_is_decided_without_evidence() -> None:
    verdict = judge(Evidence(), RULES)

    assert verdict.ruling == "continue"
    assert verdict.reason == "not yet decided: errors and latency and disagreement"


def test_a_good_candidate_waits_for_the_least_requests() -> None:
    verdict = judge(GOOD, Rules(least_requests=10_001))

    assert (verdict.ruling, verdict.reason) == ("continue", "too few requests")


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        (Rules(least_requests=300, most_requests=300), 60.0),
        (Rules(most_seconds=600.0), 600.0),
    ],
    ids=["requests", "time"],
)
def test_who_is_undecided_at_the_end_is_rolled_back(rules: Rules, seconds: float) -> None:
    young = Evidence(champion=Arm(fast=2_700), candidate=Arm(fast=300), agreed=300, seconds=seconds)

    assert judge(young, RULES).ruling == "continue"
    assert judge(young, rules).ruling == "roll back"
    assert judge(young, rules).reason.startswith(f"undecided, 300 requests and {seconds:.0f} s")


def test_the_end_does_not_overrule_what_is_decided() -> None:
    assert judge(GOOD, Rules(most_requests=10_000)).ruling == "promote"


def test_without_comparison_two_measures_share_the_level() -> None:
    found = judge(replace(GOOD, agreed=0, differed=0), Rules(tolerated_disagreement=None))

    assert found.ruling == "promote"
    assert [(it.measure, it.worse_level, it.good_level) for it in found.findings] == [
        ("errors", 0.005, 0.01),
        ("latency", 0.005, 0.01),
    ]


def test_a_comparison_that_never_happened_is_no_agreement() -> None:
    verdict = judge(replace(GOOD, agreed=0, differed=0), RULES)

    assert (verdict.ruling, verdict.reason) == ("continue", "not yet decided: disagreement")


def test_the_counts_of_workers_are_added_and_the_longest_time_holds() -> None:
    one = Evidence(champion=Arm(1, 2, 3), candidate=Arm(4, 5, 6), agreed=7, differed=8, seconds=9.0)
    other = Evidence(champion=Arm(10, 0, 0), differed=1, seconds=4.0)

    assert together((one, other)) == Evidence(
        champion=Arm(11, 2, 3), candidate=Arm(4, 5, 6), agreed=7, differed=9, seconds=9.0
    )
    assert together(()) == Evidence()


def test_looks_are_kept_close_at_the_beginning_and_sparse_later_and_the_last_always() -> None:
    looks: tuple[Evidence, ...] = ()
    for n in range(20_001):
        looks = remember(looks, Evidence(candidate=Arm(fast=n)))

    kept = [look.candidate.requests for look in looks]
    assert kept[:4] == [1, 2, 3, 4]
    assert kept[-1] == 20_000
    assert len(kept) < 250
    assert all(later > now for now, later in pairwise(kept))


@pytest.mark.parametrize("requests", [0, 1, 105], ids=str)
def test_while_no_request_comes_no_more_looks_are_kept(requests: int) -> None:
    looks: tuple[Evidence, ...] = (Evidence(candidate=Arm(fast=100)),) if requests else ()
    for seconds in range(50):
        looks = remember(looks, Evidence(candidate=Arm(fast=requests), seconds=float(seconds)))

    assert len(looks) <= 3
    assert looks[-1].seconds == 49.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 0.0},
        {"level": 1.0},
        {"tolerated_error_increase": -0.1},
        {"tolerated_disagreement": 5},
        {"least_requests": 0},
        {"least_requests": 30_000},
        {"most_seconds": 0},
        {"tolerated_errors": 0.1},
    ],
    ids=str,
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Rules.model_validate(wrong)
