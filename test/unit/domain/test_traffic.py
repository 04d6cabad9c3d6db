from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.contract import Contract, Feature
from app.domain.traffic import Caller, Split, bucket, check_pair
from app.errors import ModelRejectedError
from test.builders import a_contract

CALLERS = [f"caller-{number}" for number in range(20_000)]


def a_split(**changes: Any) -> Split:
    fields = {"model": "line", "version": "2", "mode": "canary", "share": 0.1}
    return Split.model_validate(fields | changes)


def taken(split: Split) -> set[str]:
    return {name for name in CALLERS if split.takes(Caller(name))}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("version", ["2", "3", "17"])
def test_the_share_of_callers_is_that_of_the_setting(share: float, version: str) -> None:
    n_taken = len(taken(a_split(share=share, version=version)))

    assert abs(n_taken / len(CALLERS) - share) < 0.02


@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_leaves_the_candidate_when_its_share_grows(one: float, other: float) -> None:
    less, more = (a_split(share=share) for share in sorted([one, other]))

    callers = map(Caller, CALLERS[:500])
    assert all(more.takes(caller) for caller in callers if less.takes(caller))


def test_growing_from_10_to_20_percent_flips_callers_to_the_candidate_only() -> None:
    before, after = taken(a_split(share=0.1)), taken(a_split(share=0.2))

    assert before < after


def test_each_candidate_begins_with_other_callers() -> None:
    first, second = taken(a_split(version="2")), taken(a_split(version="3"))

    assert abs(len(first & second) / len(CALLERS) - 0.01) < 0.005


def test_a_caller_has_the_same_bucket_on_every_machine() -> None:
    assert [round(bucket(name, "line/2"), 6) for name in ("alice", "bob", "")] == [
        0.958932,
        0.434344,
        0.711752,
    ]


@given(st.text(st.characters()), st.text())
def test_every_text_has_a_bucket(key: str, salt: str) -> None:
    assert 0 <= bucket(key, salt) < 1


def test_a_lone_surrogate_has_a_bucket() -> None:
    assert 0 <= bucket("\ud800", "line/2") < 1


def test_a_header_keeps_its_caller_with_one_version_whoever_calls() -> None:
    split = a_split(sticky="header:X-Canary-Key", share=0.5)

    def answers(key: str) -> set[bool]:
        asked = {"X-Canary-Key": key}
        return {split.takes(Caller(name, asked.get)) for name in CALLERS[:50]}

    assert {len(answers(key)) for key in ("one", "two", "three")} == {1}
    assert set().union(*(answers(str(number)) for number in range(20))) == {True, False}


@pytest.mark.parametrize("sent", [{}, {"X-Canary-Key": ""}], ids=["missing", "empty"])
def test_without_the_header_the_subject_decides(sent: dict[str, str]) -> None:
    by_header, by_subject = a_split(sticky="header:X-Canary-Key"), a_split()

    for name in CALLERS[:200]:
        assert by_header.takes(Caller(name, sent.get)) == by_subject.takes(Caller(name))


@pytest.mark.parametrize(
    "changes",
    [
        {"share": 1.01},
        {"share": -0.1},
        {"share": float("nan")},
        {"mode": "blue"},
        {"version": "0"},
        {"version": "../3"},
        {"sticky": "header:"},
        {"sticky": "header:X Key"},
        {"sticky": "cookie"},
        {"tolerance": float("inf")},
        {"judge": True},
    ],
    ids=str,
)
def test_a_split_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_split(**changes)


def test_a_candidate_with_other_training_passes() -> None:
    trained = Feature(name="a", trained_minimum=-1, trained_maximum=1)

    check_pair(a_contract(), a_contract(trained, Feature(name="b"), version="2"))


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (a_contract(name="curve"), "it is of 'curve', not of 'line'"),
        (a_contract(Feature(name="a")), "it has other features than version 1: a (float), not a"),
        (a_contract(Feature(name="b"), Feature(name="a")), "b (float), a (float), not a (float)"),
        (a_contract(Feature(name="a", kind="int"), Feature(name="b")), "a (int)"),
        (
            a_contract(task="classification"),
            "another task than version 1: classification, not regression",
        ),
    ],
    ids=["name", "fewer features", "order", "kind", "task"],
)
def test_a_candidate_that_callers_would_notice_is_refused(candidate: Contract, reason: str) -> None:
    with pytest.raises(ModelRejectedError) as refused:
        check_pair(a_contract(), candidate)

    assert reason in str(refused.value)


def test_a_candidate_without_the_probabilities_of_the_champion_is_refused() -> None:
    champion = a_contract(
        task="classification", outputs={"classes": [0, 1], "has_probabilities": True}
    )
    candidate = a_contract(task="classification", outputs={"classes": [0, 1]})

    with pytest.raises(ModelRejectedError, match="no probabilities"):
        check_pair(champion, candidate)
