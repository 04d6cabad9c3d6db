from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.domain.ports import Matrix
from app.lifecycle.datasets import Table, built_in
from app.lifecycle.splits import split
from test.builders import a_classification_table, a_regression_table
from test.unit.lifecycle.shapes import a_mixed_table, a_table_of_texts, with_two_targets

TABLES = [
    pytest.param(a_regression_table(), id="numbers"),
    pytest.param(a_mixed_table(), id="table"),
    pytest.param(a_table_of_texts(), id="texts"),
    pytest.param(with_two_targets(a_classification_table()), id="targets"),
    pytest.param(a_regression_table().without_target(), id="outliers"),
]


def rows(table: Table) -> set[str]:
    return {str(row) for row in table.features.tolist()}


def shuffled(table: Table) -> Table:
    return table.take(np.random.default_rng(3).permutation(len(table.features)))


def same(one: Matrix | None, other: Matrix | None) -> bool:
    return str(None if one is None else one.tolist()) == str(
        None if other is None else other.tolist()
    )


@pytest.mark.parametrize("table", TABLES)
def test_each_row_is_on_one_side(table: Table) -> None:
    fit, held_out = split(table)

    assert rows(fit) | rows(held_out) == rows(table)
    assert not rows(fit) & rows(held_out)


@pytest.mark.parametrize("table", TABLES)
def test_the_order_of_the_rows_changes_nothing(table: Table) -> None:
    one, other = split(table), split(shuffled(table))

    for part, again in zip(one, other, strict=True):
        assert same(part.features, again.features)
        assert same(part.target, again.target)


def test_a_quarter_is_held_out() -> None:
    assert len(split(built_in("linnerud")).held_out.features) == 5


def test_of_each_class_a_share_is_held_out() -> None:
    held_out = split(built_in("iris"), share=0.2).held_out

    assert held_out.target is not None
    assert np.bincount(held_out.target).tolist() == [10, 10, 10]


def test_equal_rows_lie_on_one_side() -> None:
    table = a_regression_table()
    twice = table.take(np.repeat(np.arange(40), 2))

    fit, held_out = split(twice)

    assert not rows(fit) & rows(held_out)


def test_another_seed_holds_other_rows_out() -> None:
    one, other = (split(a_regression_table(), seed=seed).held_out for seed in (1, 2))

    assert rows(one) != rows(other)


def test_a_row_stays_held_out_while_the_table_grows() -> None:
    table = a_regression_table(n_rows=2_000)
    before = split(table.take(np.arange(1_000)))
    after = split(table)

    learnt_meanwhile = rows(before.held_out) & rows(after.fit)

    assert len(learnt_meanwhile) < 0.1 * len(before.held_out.features)


def test_the_order_of_the_rows_does_not_change_the_fingerprint() -> None:
    table = a_mixed_table()

    assert shuffled(table).fingerprint_sha256 == table.fingerprint_sha256


def test_the_same_features_with_another_answer_have_another_fingerprint() -> None:
    table = a_regression_table()
    assert table.target is not None

    assert replace(table, target=table.target[::-1]).fingerprint_sha256 != table.fingerprint_sha256
