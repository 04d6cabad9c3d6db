from __future__ import annotations

from typing import Any

import pytest

from app.domain.compiled import Timing
from app.domain.contract import Contract, Feature, Training
from app.domain.flips import Flips
from app.domain.gains import Gain
from app.domain.promotion import (
    Bar,
    Budget,
    Decision,
    Gate,
    better,
    latency,
    parity,
    recorded,
    replay,
    schema,
    segments,
    skipped,
)
from test.builders import a_contract


def a_gain(low: float, high: float, n_rows: int = 100, segment: str = "") -> Gain:
    return Gain("accuracy", 0.8, 0.8, n_rows, (low + high) / 2, low, high, 0.95, segment)


def a_timing(one: float, thousand: float) -> Timing:
    return Timing(one_row_us=one, thousand_rows_us=thousand)


def a_trained(fingerprint: str, **metrics: float) -> Contract:
    training = Training(
        dataset="d", n_rows=9, fingerprint_sha256=fingerprint, metrics=metrics, reference={}
    )
    return a_contract(training=training)


def a_compiled(**parity: Any) -> Contract:
    compiled = {
        "size_bytes": 1,
        "sha256": "0" * 64,
        "engine": "linear",
        "file": "linear.npz",
        "timing": {"one_row_us": 1.0, "thousand_rows_us": 1.0},
        "parity": {"rows": 100, **parity},
    }
    return a_contract(compiled=(compiled,))


def test_one_gate_that_fails_refuses() -> None:
    passed, failed = Gate("a", "passed", ""), Gate("b", "failed", "")

    assert Decision((passed, skipped("c", ""))).passes
    assert Decision((passed, failed)).failed == ("b",)
    assert not Decision((passed, failed)).passes


@pytest.mark.parametrize(
    ("wanted", "low", "high", "outcome"),
    [
        ("not-worse", -0.03, 0.01, "passed"),
        ("not-worse", -0.03, -0.01, "failed"),
        ("better", -0.01, 0.05, "failed"),
        ("better", 0.01, 0.05, "passed"),
    ],
)
def test_the_end_of_the_interval_that_is_asked_for_decides(
    wanted: Any, low: float, high: float, outcome: str
) -> None:
    assert better(a_gain(low, high), Bar(wanted=wanted)).outcome == outcome


def test_a_margin_moves_the_bar() -> None:
    gain = a_gain(0.01, 0.05)

    assert better(gain, Bar("better", minimum_gain=0.02)).outcome == "failed"
    assert better(gain, Bar("better", minimum_gain=0.005)).outcome == "passed"


@pytest.mark.parametrize(("wanted", "outcome"), [("better", "failed"), ("not-worse", "skipped")])
def test_few_rows_prove_neither(wanted: Any, outcome: str) -> None:
    assert better(a_gain(0.0, 1.0, n_rows=29), Bar(wanted=wanted)).outcome == outcome


@pytest.mark.parametrize(
    ("fingerprint", "accuracy", "outcome"),
    [("same", 0.9, "passed"), ("same", 0.7, "failed"), ("other", 0.1, "skipped")],
)
def test_without_rows_the_metrics_of_the_same_data_decide(
    fingerprint: str, accuracy: float, outcome: str
) -> None:
    champion, candidate = a_trained("same", accuracy=0.8), a_trained(fingerprint, accuracy=accuracy)

    assert recorded(champion, candidate, Bar()).outcome == outcome


def test_without_a_metric_of_both_nothing_is_compared() -> None:
    gate = recorded(a_trained("same", accuracy=0.8), a_trained("same", r2=0.8), Bar())

    assert gate.outcome == "skipped"


def test_a_segment_that_is_proved_to_be_worse_refuses() -> None:
    good, bad = a_gain(-0.01, 0.1, segment="town: a"), a_gain(-0.2, -0.1, segment="town: b")

    gate = segments([good, bad], Bar(segment_loss=0.05))

    assert gate.outcome == "failed"
    assert "1 of 2 segments are worse: town: b (100 rows) -0.1500" in gate.sentence


def test_a_segment_may_lose_what_is_allowed() -> None:
    assert segments([a_gain(-0.2, -0.1)], Bar(segment_loss=0.1)).outcome == "passed"


def test_a_segment_of_few_rows_is_not_judged() -> None:
    few = a_gain(-0.9, -0.8, n_rows=5)

    assert segments([few], Bar()).outcome == "skipped"
    assert "1 with too few rows" in segments([few, a_gain(0.0, 0.1)], Bar()).sentence


@pytest.mark.parametrize(
    ("budget", "outcome"),
    [
        (Budget(), "passed"),
        (Budget(one_row_us=19.0), "failed"),
        (Budget(thousand_rows_us=199.0), "failed"),
        (Budget(one_row_us=20.0, thousand_rows_us=200.0), "passed"),
        (Budget(slowdown=2.0), "passed"),
        (Budget(slowdown=1.5), "failed"),
        (Budget(one_row_us=100.0, slowdown=1.5), "failed"),
    ],
    ids=["none", "one row", "a thousand", "in budget", "twice", "more", "the tighter one"],
)
def test_the_tightest_limit_holds(budget: Budget, outcome: str) -> None:
    assert latency(a_timing(20.0, 200.0), a_timing(10.0, 100.0), budget).outcome == outcome


def test_a_slowdown_needs_a_champion() -> None:
    assert latency(a_timing(20.0, 200.0), None, Budget(slowdown=0.1)).outcome == "passed"


@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ({"largest_difference": 1e-6}, "passed"),
        ({"largest_difference": 1e-4}, "failed"),
        ({"label_disagreements": 1}, "failed"),
    ],
)
def test_an_engine_agrees_with_its_reference(parts: dict[str, float], outcome: str) -> None:
    assert parity(a_compiled(**parts), "linear").outcome == outcome


def test_the_reference_itself_agrees_with_nobody() -> None:
    assert parity(a_compiled(label_disagreements=1), "sklearn").outcome == "skipped"


def test_callers_of_the_champion_can_call_the_candidate() -> None:
    assert schema(a_contract(), a_contract(version="2")).outcome == "passed"


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (a_contract(Feature(name="a")), "other features than version 1: a (float)"),
        (a_contract(Feature(name="a", minimum=0.0), Feature(name="b")), "a below 0"),
        (a_contract(task="classification"), "another task"),
    ],
    ids=["features", "bounds", "task"],
)
def test_a_candidate_that_breaks_callers_is_refused(candidate: Contract, reason: str) -> None:
    gate = schema(a_contract(), candidate)

    assert gate.outcome == "failed"
    assert reason in gate.sentence


@pytest.mark.parametrize(("flips", "outcome"), [(10, "passed"), (11, "failed")])
def test_so_many_answers_may_be_others(flips: int, outcome: str) -> None:
    gate = replay(Flips(n_requests=9, n_rows=100, n_flips=flips), days=7, max_share=0.1)

    assert gate.outcome == outcome
    assert f"{flips} of 100 rows of the last 7 days" in gate.sentence


def test_a_replay_says_what_it_left_out() -> None:
    gate = replay(Flips(left_out={"values that are hashed or omitted": 1_200}), 7, 0.1)

    assert gate.outcome == "skipped"
    assert gate.sentence.endswith("; 1,200 values that are hashed or omitted")


def test_a_candidate_with_labels_of_another_type_is_refused() -> None:
    champion, candidate = (
        a_contract(task="classification", outputs={"classes": labels})
        for labels in [(0, 1), ("0", "1")]
    )

    gate = schema(champion, candidate)

    assert (gate.outcome, gate.sentence) == (
        "failed",
        "it answers labels of another type: '0', and not 0",
    )


@pytest.mark.parametrize(("wanted", "outcome"), [("better", "failed"), ("not-worse", "passed")])
def test_one_that_answers_alike_is_no_worse_but_not_better(wanted: Any, outcome: str) -> None:
    assert better(a_gain(0.0, 0.0), Bar(wanted=wanted)).outcome == outcome


@pytest.mark.parametrize("fingerprint", ["same", "other"])
def test_without_rows_nobody_is_proved_to_be_better(fingerprint: str) -> None:
    champion, candidate = a_trained("same", accuracy=0.8), a_trained(fingerprint, accuracy=0.9)

    assert recorded(champion, candidate, Bar("better")).outcome == "failed"
