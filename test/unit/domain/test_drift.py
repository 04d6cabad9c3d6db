"""Features that are not like others: what their index and their tests say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from app.domain.contract import Feature, Kind, Reference
from app.domain.drift import Check, judged, missing_check, values_check
from app.domain.drift_cells import Cells, NumberCells, cells_of, measured
from app.lifecycle.datasets import Table
from app.lifecycle.references import references_of

GENERATOR = np.random.default_rng(5)
Values = npt.NDArray[Any]


def cells_for(values: Values, kind: Kind = "float") -> Cells:
    table = Table("one", ("x",), values.reshape(-1, 1), None, False, (kind,))
    cells = cells_of(references_of(table)["x"], len(values))
    assert cells is not None
    return cells


def checked(trained: Values, now: Values, kind: Kind = "float") -> tuple[Check, Check]:
    """What is said of the values, and of those that are missing."""
    cells = cells_for(trained, kind)
    numbers = measured(Feature(name="x", kind=kind), cells, now)
    counts = cells.count(numbers)
    found = values_check("x", cells.reference, counts, least_index=0.1)
    return found, missing_check("x", cells.reference, counts)


def words(*shares: tuple[str, int]) -> Values:
    return np.array([word for word, n_rows in shares for _ in range(n_rows)], dtype=object)


@pytest.mark.parametrize(
    ("trained", "now", "kind"),
    [
        (np.full(500, 3.0), np.full(300, 3.0), "float"),
        (GENERATOR.integers(0, 2, 900) * 1.0, GENERATOR.integers(0, 2, 500) * 1.0, "bool"),
        (words(("a", 600), ("b", 300)), words(("a", 200), ("b", 100)), "category"),
        (words(*((f"id-{it}", 1) for it in range(900))), words(("new", 1)), "category"),
    ],
    ids=["constant", "boolean", "category", "every-value-once"],
)
def test_what_is_as_in_training_has_not_drifted(trained: Values, now: Values, kind: Kind) -> None:
    found, missing = checked(trained, now, kind)

    assert found.p_value > 0.01
    assert not found.is_large
    assert missing.p_value == 1.0


@pytest.mark.parametrize(
    ("trained", "now", "kind"),
    [
        (np.full(500, 3.0), np.full(300, 3.1), "float"),
        (np.full(500, 3.0), np.full(300, -9.0), "float"),
        (GENERATOR.normal(size=900), GENERATOR.normal(size=500) + 100.0, "float"),
        (GENERATOR.integers(0, 2, 900) * 1.0, np.ones(500), "bool"),
        (words(("a", 600), ("b", 300)), words(("a", 100), ("b", 200)), "category"),
        (words(("a", 600), ("b", 300)), words(("a", 180), ("moon", 60)), "category"),
        (words(("xx", 600), ("xxxx", 300)), words(("x" * 90, 300)), "text"),
    ],
    ids=["constant-moved", "constant-fell", "out-of-range", "one-truth", "shares", "new", "length"],
)
def test_what_is_not_has_drifted(trained: Values, now: Values, kind: Kind) -> None:
    found, missing = checked(trained, now, kind)

    assert found.p_value < 1e-6
    assert found.is_large
    assert missing.p_value == 1.0


def test_where_all_values_are_missing_that_is_what_has_drifted() -> None:
    found, missing = checked(GENERATOR.normal(size=900), np.full(300, np.nan))

    assert (found.p_value, found.n_current) == (1.0, 0)
    assert missing.p_value < 1e-100
    assert missing.is_large
    assert found.index is not None
    assert found.index > 5.0


def test_a_few_outliers_are_seen_by_the_test() -> None:
    now = GENERATOR.normal(size=1_000)
    now[:40] = 1e6

    found, _ = checked(GENERATOR.normal(size=2_000), now)

    assert found.p_value < 1e-6


def test_a_contract_that_says_nothing_has_no_cells() -> None:
    assert cells_of(Reference(missing_share=0.0), 100) is None


@pytest.mark.parametrize("part", ["quantiles", "histogram"])
def test_either_part_of_the_reference_will_do(part: str) -> None:
    trained = GENERATOR.normal(size=2_000)
    table = Table("one", ("x",), trained.reshape(-1, 1), None, False)
    whole = references_of(table)["x"]
    changes: dict[str, Any] = {"quantiles": {}}
    if part == "quantiles":
        changes = {"histogram_edges": (), "histogram_counts": ()}
    cells = cells_of(whole.model_copy(update=changes), 2_000)
    assert isinstance(cells, NumberCells)

    alike, moved = (
        values_check("x", cells.reference, cells.count(values), least_index=0.1)
        for values in (GENERATOR.normal(size=1_000), GENERATOR.normal(0.5, size=1_000))
    )

    assert alike.p_value > 0.01
    assert moved.p_value < 1e-6


def a_check(p_value: float, *, is_large: bool = True) -> Check:
    return Check(
        aspect="values",
        name="x",
        test="chi-square",
        p_value=p_value,
        index=0.5,
        is_large=is_large,
        n_reference=900,
        n_current=900,
    )


def test_what_is_sure_but_small_is_no_drift() -> None:
    verdict = judged([a_check(1e-9, is_large=False), a_check(0.5)], 1_000, 0.01)

    assert verdict.ruling == "no drift"


def test_the_level_is_that_of_all_checks_together() -> None:
    one = judged([a_check(0.004)], 1_000, 0.01)
    among_others = judged([a_check(0.004), a_check(0.6), a_check(0.7)], 1_000, 0.01)

    assert (one.ruling, among_others.ruling) == ("drift", "no drift")


def test_few_rows_say_nothing() -> None:
    verdict = judged([a_check(0.0)], 199, 0.01)

    assert (verdict.ruling, verdict.checks) == ("insufficient", ())
