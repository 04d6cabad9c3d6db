from __future__ import annotations

import numpy as np
import pytest

from app.domain.contract import Missing
from app.domain.drift_cells import NumberCells, cells_of, index_between
from app.domain.ports import FloatArray
from app.lifecycle.datasets import Table
from app.lifecycle.references import class_shares_of, features_of, references_of
from test.builders import a_classification_table, a_regression_table
from test.unit.lifecycle.shapes import a_mixed_table, a_table_of_texts, with_two_targets


def test_each_kind_of_column_is_described() -> None:
    size, late, colour, note = features_of(a_mixed_table())

    assert (size.kind, size.missing) == ("float", Missing(policy="pass"))
    assert (late.kind, late.trained_minimum, late.trained_maximum) == ("bool", 0.0, 1.0)
    assert (colour.categories, colour.unknown) == (("blue", "green", "red"), "warn")
    assert colour.missing == Missing(policy="pass")
    assert (note.kind, note.categories) == ("text", ())
    assert note.missing == Missing(policy="fill", value="")


def test_a_column_without_gaps_says_nothing_of_them() -> None:
    [text] = features_of(a_table_of_texts())

    assert text.missing is None
    assert {feature.missing for feature in features_of(a_regression_table())} == {None}


def test_the_range_is_that_of_the_values_that_are_there() -> None:
    table = a_mixed_table()

    size = features_of(table)[0]

    there = [value for value in table.features[:, 0] if not np.isnan(value)]
    assert (size.trained_minimum, size.trained_maximum) == (min(there), max(there))


def test_categories_are_referred_to_by_their_shares() -> None:
    reference = references_of(a_mixed_table())["colour"]

    assert set(reference.shares) == {"blue", "green", "red"}
    assert sum(reference.shares.values()) == pytest.approx(1)
    assert reference.missing_share == pytest.approx(3 / 120)
    assert reference.quantiles == {}


def test_numbers_are_referred_to_by_value_and_texts_by_length() -> None:
    table = a_mixed_table()

    references = references_of(table)

    assert set(references) == {"size", "late", "colour", "note"}
    assert references["size"].missing_share == pytest.approx(4 / 120)
    lengths = [len(text) for text in table.features[:, 3] if text]
    assert references["note"].quantiles["1"] == max(lengths)
    assert references["note"].missing_share == pytest.approx(1 - len(lengths) / 120)


@pytest.mark.parametrize("step", [0.0, 2.0**8], ids=["the same", "a few floats apart"])
def test_large_numbers_close_together_share_one_bin(step: float) -> None:
    column: FloatArray = (1.7e18 + step * np.arange(3.0)).repeat(50).reshape(-1, 1)
    table = Table("ids", ("id",), column, None, is_classification=False)

    reference = references_of(table)["id"]

    assert reference.histogram_counts == (150,)
    cells = cells_of(reference, 150)
    assert isinstance(cells, NumberCells)
    assert index_between(cells.reference, cells.count(column[:, 0])) == pytest.approx(0, abs=1e-9)


def test_the_shares_of_the_classes_add_up_to_one() -> None:
    shares = class_shares_of(a_classification_table())

    assert shares is not None
    assert set(shares) == {"0", "1", "2"}
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "table",
    [
        a_regression_table(),
        a_regression_table().without_target(),
        with_two_targets(a_classification_table()),
    ],
    ids=["regression", "outliers", "several"],
)
def test_without_one_target_of_classes_there_are_no_shares(table: object) -> None:
    assert class_shares_of(table) is None  # type: ignore[arg-type]  # it is a table
