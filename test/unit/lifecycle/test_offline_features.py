from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.errors import FeatureDefinitionsError
from app.lifecycle.feature_definitions import Definitions
from app.lifecycle.offline_features import engine
from app.lifecycle.training_features import training_frame, write_training_set
from test.unit.lifecycle.records import an_order, at, write_records

ORDERS = [
    an_order("ann", 1, 10.0, channel="web"),
    an_order("ann", 5, 20.0, channel="shop"),
    an_order("ann", 5, 30.0, channel="web"),  # at the same moment
    an_order("ann", 9, 40.0, channel="web"),
    an_order("bob", 4, None, channel="shop"),
]


def some_definitions(known_at: str | None = None, **features: Any) -> Definitions:
    view = {"entity": "customer_id", "source": "orders", "known_at": known_at, "features": features}
    return Definitions.model_validate({"views": {"customer": view}})


def a_spine(folder: Path, *rows: tuple[str, float]) -> str:
    path = folder / "spine.parquet"
    table = {
        "customer_id": [name for name, _ in rows],
        "event_time": [at(days) for _, days in rows],
        "label": [*range(len(rows))],
    }
    parquet.write_table(pa.table(table), path)
    return str(path)


def trained(
    folder: Path, definitions: Definitions, *rows: tuple[str, float]
) -> list[dict[str, Any]]:
    """The training set for *rows*, each an entity and a time."""
    spine = a_spine(folder, *rows)
    with engine(folder / "spill") as connection:
        table = training_frame(connection, definitions, folder, spine).to_arrow_table()
    assert table.column("label").to_pylist() == [*range(len(rows))]
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def values(
    folder: Path, feature: dict[str, Any], rows: Sequence[tuple[str, float]] = (("ann", 6),)
) -> list[Any]:
    return [row["x"] for row in trained(folder, some_definitions(x=feature), *rows)]


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ({"aggregate": "count"}, 3.0),
        ({"aggregate": "count", "of": "amount"}, 3.0),
        ({"aggregate": "count", "where": "channel = 'web'"}, 2.0),
        ({"aggregate": "count_distinct", "of": "channel"}, 2.0),
        ({"aggregate": "sum", "of": "amount"}, 60.0),
        ({"aggregate": "sum", "of": "amount * 2 + 1"}, 123.0),
        ({"aggregate": "avg", "of": "amount"}, 20.0),
        ({"aggregate": "avg", "of": "channel = 'web'"}, 2 / 3),
        ({"aggregate": "min", "of": "amount"}, 10.0),
        ({"aggregate": "max", "of": "amount", "where": "channel = 'shop'"}, 20.0),
        ({"aggregate": "stddev", "of": "amount"}, 10.0),
        ({"aggregate": "last", "of": "amount"}, 30.0),
        ({"aggregate": "last", "of": "channel", "kind": "category"}, "web"),
        ({"aggregate": "days_since_last"}, 1.0),
        ({"aggregate": "sum", "of": "amount", "window": "2d"}, 50.0),
        ({"aggregate": "count", "window": "12h"}, 0.0),
        ({"aggregate": "max", "of": "amount", "window": "12h"}, None),
        ({"aggregate": "max", "of": "amount", "window": "12h", "default": -1}, -1.0),
    ],
    ids=lambda it: " ".join(map(str, it.values())) if isinstance(it, dict) else "",
)
def test_a_feature_is_what_it_is_called(
    tmp_path: Path, feature: dict[str, Any], expected: object
) -> None:
    write_records(tmp_path, ORDERS)

    assert values(tmp_path, feature) == [expected]


def test_a_moment_sees_what_happened_up_to_it_and_nothing_after_it(tmp_path: Path) -> None:
    write_records(tmp_path, ORDERS)
    just = 1e-6 / 86_400  # a microsecond
    moments = [("ann", days) for days in (0, 1 - just, 1, 5 - just, 5, 9 - just, 9, 99)]

    found = values(tmp_path, {"aggregate": "sum", "of": "amount", "default": 0}, moments)

    assert found == [0, 0, 10, 10, 60, 60, 100, 100]


def test_a_window_opens_after_its_first_moment(tmp_path: Path) -> None:
    write_records(tmp_path, ORDERS)
    just = 1e-6 / 86_400

    moments = [("ann", 11 - just), ("ann", 11), ("ann", 11 + just)]

    assert values(tmp_path, {"aggregate": "count", "window": "10d"}, moments) == [4, 3, 3]


def test_of_records_of_one_moment_the_greatest_is_the_last_in_any_order(tmp_path: Path) -> None:
    feature = {"aggregate": "last", "of": "amount"}
    for order in (ORDERS, ORDERS[::-1]):
        write_records(tmp_path, order)

        assert values(tmp_path, feature, [("ann", 5)]) == [30.0]


def test_nobody_sees_the_records_of_somebody_else(tmp_path: Path) -> None:
    write_records(tmp_path, ORDERS)
    rows = [("bob", 6.0), ("eve", 6.0), ("ann", 6.0)]

    found = trained(
        tmp_path,
        some_definitions(n={"aggregate": "count"}, most={"aggregate": "max", "of": "amount"}),
        *rows,
    )

    assert [(row["n"], row["most"]) for row in found] == [(1, None), (0, None), (3, 30)]


def test_what_came_late_counts_only_from_then_on(tmp_path: Path) -> None:
    orders = [
        an_order("ann", 1, 10.0, came=at(1)),
        an_order("ann", 2, 20.0, came=at(8)),  # of day 2, and known on day 8
    ]
    write_records(tmp_path, orders)
    definitions = some_definitions("came", x={"aggregate": "sum", "of": "amount"})

    found = trained(tmp_path, definitions, ("ann", 3), ("ann", 8 - 1e-9), ("ann", 8))

    assert [row["x"] for row in found] == [10, 10, 30]


def test_no_order_of_the_records_changes_a_bit(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    amounts = generator.lognormal(3, 4, size=2_000)
    orders = [an_order("ann", 1 + n / 2_000, float(it)) for n, it in enumerate(amounts)]
    definitions = some_definitions(
        total={"aggregate": "sum", "of": "amount"}, mean={"aggregate": "avg", "of": "amount"}
    )
    seen = set()
    for _ in range(3):
        generator.shuffle(orders)
        write_records(tmp_path, orders)
        [row] = trained(tmp_path, definitions, ("ann", 9))
        seen.add((row["total"], row["mean"]))

    [(total, mean)] = seen
    assert total == pytest.approx(amounts.sum(), rel=1e-12)
    assert mean == pytest.approx(amounts.mean(), rel=1e-12)


@pytest.mark.parametrize("aggregate", ["sum", "avg"])
def test_a_value_too_large_for_a_sum_is_named(tmp_path: Path, aggregate: str) -> None:
    write_records(tmp_path, [*ORDERS, an_order("eve", 2, 1e31)])
    feature = {"aggregate": aggregate, "of": "amount"}

    with pytest.raises(FeatureDefinitionsError, match=r"feature x of customer_id eve: 1e\+31 is "):
        values(tmp_path, feature)

    assert values(tmp_path, {**feature, "of": "CASE WHEN amount < 1e29 THEN amount END"})


def test_a_value_that_is_no_finite_number_is_missing(tmp_path: Path) -> None:
    write_records(
        tmp_path, [*ORDERS, an_order("ann", 2, float("nan")), an_order("ann", 3, float("inf"))]
    )
    for orders in ({"aggregate": "sum"}, {"aggregate": "max"}, {"aggregate": "last"}):
        assert values(tmp_path, {**orders, "of": "amount"}, [("ann", 4)]) == [10.0]


def test_a_spine_in_csv_keeps_its_order_and_its_entities_as_they_are_written(
    tmp_path: Path,
) -> None:
    write_records(tmp_path, [an_order("007", 1), an_order("7", 1), an_order("7", 2)])
    lines = [f"007,{at(3):%Y-%m-%dT%H:%M:%SZ},a", f"7,{at(3).date()},b"]
    spine = tmp_path / "labels.csv"
    spine.write_text("customer_id,event_time,label\n" + "\n".join(lines * 50))
    out = tmp_path / "out.parquet"

    n_rows = write_training_set(
        some_definitions(n={"aggregate": "count"}), tmp_path, str(spine), out
    )

    table = parquet.read_table(out)
    assert n_rows == 100
    assert table.column_names == ["customer_id", "event_time", "label", "n"]
    assert table["n"].to_pylist() == [1.0, 2.0] * 50
    assert [it.name for it in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        ({"aggregate": "sum", "of": "amuont"}, "amuont"),
        ({"aggregate": "count", "where": "channel = "}, "views.customer.features.x: Parser Error"),
        ({"aggregate": "sum", "of": "channel"}, "Could not convert"),
    ],
    ids=["a misspelt column", "half a condition", "a word that is no number"],
)
def test_a_feature_that_cannot_be_computed_is_named(
    tmp_path: Path, feature: dict[str, Any], said: str
) -> None:
    write_records(tmp_path, ORDERS)

    with pytest.raises(FeatureDefinitionsError, match=said):
        values(tmp_path, feature)


def test_without_records_the_step_before_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeatureDefinitionsError, match=r"Fix: scripts/run_ingestion_validation"):
        values(tmp_path, {"aggregate": "count"})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labels.csv", "customer_id,label\nann,1\n", "event_time"),
        ("labels.csv", "customer_id,event_time,x\nann,2026-06-02,1\n", "like a feature"),
        ("labels.csv", "customer_id,event_time\nann,\n", "1 rows without 'event_time'"),
        ("labels.json", "{}", "neither"),
        ("absent.csv", None, "No files found"),
    ],
    ids=["no time", "a column like a feature", "a row without time", "no table", "no file"],
)
def test_a_spine_that_cannot_be_used_is_refused(
    tmp_path: Path, name: str, text: str | None, said: str
) -> None:
    write_records(tmp_path, ORDERS)
    if text is not None:
        (tmp_path / name).write_text(text)
    definitions = some_definitions(x={"aggregate": "count"})

    with pytest.raises(FeatureDefinitionsError, match=said):
        write_training_set(definitions, tmp_path, str(tmp_path / name), tmp_path / "out.parquet")
    assert not list(tmp_path.glob("*out.parquet*"))


def test_a_batch_that_a_killed_ingestion_set_aside_counts(tmp_path: Path) -> None:
    write_records(tmp_path, ORDERS)
    aside = tmp_path / "orders" / "_replaced" / "b"
    aside.parent.mkdir()
    (tmp_path / "orders" / "b").rename(aside)

    assert values(tmp_path, {"aggregate": "count"}) == [3.0]


def test_partitions_that_gained_a_column_are_read_together(tmp_path: Path) -> None:
    write_records(tmp_path, ORDERS, "old")
    write_records(tmp_path, [an_order("ann", 5.5, 1.0, channel="app", items=3)], "new")

    assert values(tmp_path, {"aggregate": "sum", "of": "items"}) == [3.0]
    assert values(tmp_path, {"aggregate": "count"}) == [4.0]
    assert at(1) - at(0) == timedelta(days=1)
