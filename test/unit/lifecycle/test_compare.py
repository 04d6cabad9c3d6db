from __future__ import annotations

from typing import Any

import pytest

from app.domain.contract import Contract, Feature, Missing
from app.lifecycle.compare import Difference, compare
from test.builders import a_contract


def with_metrics(**metrics: float) -> Contract:
    training = {
        "dataset": "lines",
        "n_rows": 40,
        "fingerprint_sha256": "0" * 64,
        "metrics": metrics,
        "reference": {},
    }
    return a_contract(training=training)


def difference(left: Contract, right: Contract, name: str) -> Difference:
    [line] = [it for it in compare(left, right).lines if it.name == name]
    return line


def test_a_contract_differs_from_itself_in_nothing() -> None:
    found = compare(a_contract(), a_contract())

    assert found.interchangeable
    assert [it.name for it in found.lines if not it.is_same] == []


def test_both_sides_are_named() -> None:
    found = compare(a_contract(), a_contract(version="2"))

    assert (found.left, found.right) == ("line@1", "line@2")


@pytest.mark.parametrize(
    ("left", "right", "change"),
    [
        pytest.param({"r2": 0.5}, {"r2": 0.75}, "+0.25", id="better"),
        pytest.param({"r2": 0.5}, {"r2": 0.25}, "-0.25", id="worse"),
        pytest.param({"r2": 0.5}, {"r2": 0.5}, "", id="same"),
        pytest.param({"r2": 0.5}, {}, "gone", id="gone"),
        pytest.param({}, {"r2": 0.5}, "new", id="new"),
    ],
)
def test_a_metric_says_how_it_changed(
    left: dict[str, float], right: dict[str, float], change: str
) -> None:
    assert difference(with_metrics(**left), with_metrics(**right), "r2").change == change


@pytest.mark.parametrize(
    ("changes", "features"),
    [
        pytest.param({}, [Feature(name="a")], id="fewer features"),
        pytest.param({}, [Feature(name="b"), Feature(name="a")], id="another order"),
        pytest.param({}, [Feature(name="a"), Feature(name="b", kind="int")], id="another kind"),
        pytest.param({}, [Feature(name="a"), Feature(name="b", maximum=9.0)], id="a bound"),
        pytest.param(
            {},
            [Feature(name="a"), Feature(name="b", missing=Missing(policy="refuse"))],
            id="a missing value refused",
        ),
        pytest.param({"task": "classification"}, [], id="another task"),
        pytest.param({"outputs": {"classes": [0, 1]}}, [], id="classes"),
    ],
)
def test_what_a_caller_would_notice_makes_two_that_cannot_stand_in_for_one_another(
    changes: dict[str, Any], features: list[Feature]
) -> None:
    assert not compare(a_contract(), a_contract(*features, **changes)).interchangeable


def test_another_range_in_training_is_told_and_keeps_callers() -> None:
    wider = a_contract(Feature(name="a", trained_minimum=0.0, trained_maximum=2.0))
    narrow = a_contract(Feature(name="a", trained_minimum=0.0, trained_maximum=1.0))

    found = compare(narrow, wider)

    assert found.interchangeable
    assert difference(narrow, wider, "a").change == "differs"


def test_timings_of_each_engine_stand_side_by_side() -> None:
    slow = a_contract(reference_timing={"one_row_us": 900.0, "thousand_rows_us": 1_000.0})
    fast = a_contract(reference_timing={"one_row_us": 500.0, "thousand_rows_us": 1_000.0})

    assert difference(slow, fast, "sklearn, 1 row").change == "-400"
    assert difference(slow, fast, "sklearn, 1,000 rows").is_same
