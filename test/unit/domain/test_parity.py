from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.domain.compiled import Parity
from app.domain.contract import Feature, Missing
from app.domain.parity import MAX_KNOWN_ROWS, check, compare, together, trial_rows
from app.domain.ports import Scores
from app.errors import NotCompilableError

KNOWN = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 15.0]])
PASSES = Missing(policy="pass")


def labels(*values: Any, shares: Any = None) -> Scores:
    return Scores(np.array(values), None if shares is None else np.array(shares))


def rows_of(*features: Feature, known: Any = KNOWN) -> Any:
    return np.vstack(list(trial_rows(features, known)))


def test_the_known_rows_are_tried_first() -> None:
    first = next(iter(trial_rows((Feature(name="a"), Feature(name="b")), KNOWN)))

    assert first.tolist() == KNOWN.tolist()


def test_of_very_many_known_rows_an_even_choice_is_tried() -> None:
    known = np.arange(100_001.0)[:, np.newaxis]

    blocks = list(trial_rows((Feature(name="a"),), known))

    tried = np.vstack(blocks[:-7])
    assert len(tried) == MAX_KNOWN_ROWS
    assert (tried[0, 0], tried[-1, 0]) == (0.0, 100_000.0)
    assert max(map(len, blocks)) == 2_000


def test_random_rows_lie_within_the_known_range_around_it_and_far_beyond() -> None:
    values = rows_of(Feature(name="a"), Feature(name="b"))[3:, 0]

    assert ((values > 1.0) & (values < 4.0)).sum() > 400
    assert ((values > 4.0) & (values < 7.0)).any()
    assert np.abs(values).max() > 1e5
    assert np.isfinite(values).all()


def test_the_same_rows_are_tried_each_time() -> None:
    features = (Feature(name="a"), Feature(name="b", missing=PASSES))

    assert np.array_equal(rows_of(*features), rows_of(*features), equal_nan=True)


def test_rows_are_what_the_gateway_would_let_through() -> None:
    rows = rows_of(
        Feature(name="a", minimum=0.0, maximum=3.0),
        Feature(name="b", kind="int"),
        Feature(name="c", kind="bool"),
        known=None,
    )

    assert (rows[:, 0].min(), rows[:, 0].max()) == (0.0, 3.0)
    assert (rows[:, 1] % 1 == 0).all()
    assert set(rows[:, 2].tolist()) == {0.0, 1.0}


def test_gaps_are_tried_only_where_the_contract_passes_them_on() -> None:
    rows = rows_of(Feature(name="a"), Feature(name="b", missing=PASSES))

    assert not np.isnan(rows[:, 0]).any()
    assert np.isnan(rows[:, 1]).any()


def test_gaps_in_known_rows_do_not_spoil_the_others() -> None:
    known = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, 4.0]])
    rows = rows_of(Feature(name="a"), Feature(name="b"), known=known)[3:]

    assert not np.isnan(rows).any()


@pytest.mark.parametrize(
    ("expected", "found", "disagreements", "difference"),
    [
        pytest.param(labels(1, 2), labels(1, 2), 0, 0.0, id="equal labels"),
        pytest.param(labels(1, 2), labels(1, 3), 1, 0.0, id="another label"),
        pytest.param(labels("a"), Scores(np.array(["a"], object), None), 0, 0.0, id="text is text"),
        pytest.param(labels(1, 0), labels(True, False), 2, 0.0, id="true is not 1"),
        pytest.param(labels(1, 0), labels(1.0, 0.0), 2, 0.0, id="1.0 is not 1"),
        pytest.param(labels(1, 2), labels(1), 2, 0.0, id="too few rows"),
        pytest.param(labels(2.0), labels(2.5), 0, 0.25, id="relative to the reference"),
        pytest.param(labels(0.1), labels(0.2), 0, 0.1, id="absolute below one"),
        pytest.param(labels(np.nan), labels(np.nan), 0, 0.0, id="both have no number"),
        pytest.param(labels(1.0), labels(np.nan), 1, 0.0, id="one has no number"),
        pytest.param(labels(1.0), labels(np.inf), 1, 0.0, id="one is infinite"),
        pytest.param(labels(np.inf), labels(-np.inf), 1, 0.0, id="another infinity"),
        pytest.param(labels(np.inf), labels(np.inf), 0, 0.0, id="the same infinity"),
        pytest.param(
            labels(1, 2, shares=[[0.75, 0.25], [0.5, 0.5]]),
            labels(1, 2, shares=[[0.75, 0.25], [0.25, 0.75]]),
            0,
            0.25,
            id="another share",
        ),
        pytest.param(labels(1, shares=[[1.0]]), labels(1), 1, 0.0, id="no shares"),
        pytest.param(labels(1, shares=[[1.0]]), labels(1, shares=[[1.0, 0.0]]), 1, 0.0, id="wider"),
        pytest.param(
            labels(1, shares=[[1.0]]), labels(1, shares=[[np.nan]]), 1, 0.0, id="no share"
        ),
    ],
)
def test_answers_are_compared_row_by_row(
    expected: Scores, found: Scores, disagreements: int, difference: float
) -> None:
    is_quantity = expected.predictions.dtype.kind == "f" and expected.probabilities is None
    parity = compare(expected, found, "regression" if is_quantity else "classification")

    assert parity.rows == len(expected.predictions)
    assert parity.label_disagreements == disagreements
    assert parity.largest_difference == pytest.approx(difference)


def test_labels_that_are_numbers_are_no_quantities() -> None:
    parity = compare(labels(1_000_001.0), labels(1_000_002.0), "classification")

    assert parity.label_disagreements == 1


def test_what_was_never_compared_does_not_pass() -> None:
    with pytest.raises(NotCompilableError, match="never compared"):
        check(Parity(rows=0))


def test_rows_are_drawn_within_any_bounds() -> None:
    widest = Feature(name="a", minimum=-1.7e308, maximum=1.7e308)

    blocks = list(trial_rows([widest], None))

    assert all(np.isfinite(block).all() for block in blocks)


def test_reports_of_blocks_add_up() -> None:
    blocks = [
        Parity(rows=3, label_disagreements=1, largest_difference=0.5),
        Parity(rows=4, rows_with_missing=2, largest_difference=0.25),
    ]

    assert together(blocks) == Parity(
        rows=7, rows_with_missing=2, label_disagreements=1, largest_difference=0.5
    )


@pytest.mark.parametrize(
    ("parity", "reason"),
    [
        (Parity(rows=4_000, label_disagreements=3), "3 of 4000 answers differ"),
        (Parity(rows=4_000, label_disagreements=1), "1 of 4000 answer differs"),
        (Parity(rows=9, largest_difference=2e-5), "off by 2e-05 in 9 rows; 1e-05 is allowed"),
    ],
    ids=["labels", "one label", "numbers"],
)
def test_one_label_or_a_number_too_far_off_is_refused(parity: Parity, reason: str) -> None:
    with pytest.raises(NotCompilableError, match=reason):
        check(parity)


def test_numbers_within_the_tolerance_pass() -> None:
    check(Parity(rows=9, largest_difference=1e-5))


TWO_TARGETS = Scores(
    np.array([[0, 1], [1, 1], [1, 0]]),
    (np.array([[1.0, 0.0]] * 3), np.array([[0.25, 0.5, 0.25]] * 3)),
)


@pytest.mark.parametrize(
    ("other", "disagreements", "difference"),
    [
        (TWO_TARGETS, 0, 0.0),
        (TWO_TARGETS._replace(predictions=np.array([[0, 1], [0, 0], [1, 0]])), 1, 0.0),
        (
            TWO_TARGETS._replace(
                probabilities=(np.array([[1.0, 0.0]] * 3), np.array([[0.25, 0.75, 0.25]] * 3))
            ),
            0,
            0.25,
        ),
        (TWO_TARGETS._replace(probabilities=np.array([[1.0, 0.0]] * 3)), 3, 0.0),
        (TWO_TARGETS._replace(probabilities=None), 3, 0.0),
        (TWO_TARGETS._replace(predictions=np.array([0, 1, 1])), 3, 0.0),
    ],
    ids=["the same", "labels", "shares", "one target", "no shares", "one answer"],
)
def test_every_target_is_compared(other: Scores, disagreements: int, difference: float) -> None:
    parity = compare(TWO_TARGETS, other, "classification")

    assert (parity.rows, parity.label_disagreements) == (3, disagreements)
    assert parity.largest_difference == difference


def test_numbers_of_several_targets_are_compared_in_their_own_size() -> None:
    expected = Scores(np.array([[1.0, 1000.0], [0.0, 2.0]]), None)
    found = Scores(np.array([[1.0, 1001.0], [0.0, 2.0]]), None)

    parity = compare(expected, found, "regression")

    assert (parity.label_disagreements, parity.largest_difference) == (0, 0.001)
