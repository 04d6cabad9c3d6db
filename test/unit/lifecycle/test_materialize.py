from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.adapters.sqlite_features import SqliteFeatures
from app.domain.entities import EntityFeatures
from app.errors import FeatureDefinitionsError
from app.lifecycle.feature_definitions import Definitions, load_definitions
from app.lifecycle.materialize import materialize
from app.settings.overlay import PROJECT
from test.unit.lifecycle.records import an_order, at, write_records
from test.unit.lifecycle.test_offline_features import some_definitions, trained

EVERY_KIND = some_definitions(
    n={"aggregate": "count", "window": "3d"},
    total={"aggregate": "sum", "of": "amount", "window": "10d", "default": 0},
    mean={"aggregate": "avg", "of": "amount", "where": "channel = 'web'"},
    spread={"aggregate": "stddev", "of": "amount"},
    newest={"aggregate": "last", "of": "amount", "window": "2d"},
    channel={"aggregate": "last", "of": "channel", "kind": "category"},
    age={"aggregate": "days_since_last"},
)


def materialized(
    folder: Path, definitions: Definitions, as_of: datetime
) -> tuple[EntityFeatures, int]:
    store = SqliteFeatures(folder / "online")
    _, n_entities = materialize(definitions, folder, store, as_of=as_of, spill=folder / "spill")
    return store, n_entities


def many_orders(n: int, names: list[str]) -> list[dict[str, Any]]:
    generator = np.random.default_rng(3)
    return [
        an_order(
            names[generator.integers(len(names))],
            float(generator.integers(0, 20 * 24)) / 24,  # whole hours, so that many tie
            float(generator.lognormal(2, 2)),
            channel=("web", "shop")[generator.integers(2)],
        )
        for _ in range(n)
    ]


@pytest.mark.parametrize("days", [5.0, 12.5, 30.0])
def test_what_serves_as_of_a_moment_is_what_would_train_at_it(tmp_path: Path, days: float) -> None:
    names = [f"customer-{number}" for number in range(40)]
    write_records(tmp_path, many_orders(600, names))

    store, n_entities = materialized(tmp_path, EVERY_KIND, at(days))

    features = [*EVERY_KIND.views["customer"].features]
    found = store.look_up(features, names)
    rows = trained(tmp_path, EVERY_KIND, *((name, days) for name in names))
    assert n_entities == sum(row is not None for row in found.rows) > 30
    for served, row in zip(found.rows, rows, strict=True):
        if served is not None:
            assert [*served] == [row[name] for name in features]


def test_whoever_has_no_record_yet_is_not_known(tmp_path: Path) -> None:
    write_records(tmp_path, [an_order("ann", 1), an_order("bob", 2), an_order("eve", 3)])
    definitions = some_definitions(n={"aggregate": "count", "window": "1h"})

    store, n_entities = materialized(tmp_path, definitions, at(2))

    assert store.look_up(["n"], ["ann", "bob", "eve"]).rows == [(0.0,), (1.0,), None]
    assert n_entities == 2
    with pytest.raises(FeatureDefinitionsError, match="no customer_id has a record up to 2026-06"):
        materialized(tmp_path, definitions, at(0.5))


def test_two_views_of_one_entity_are_one_row_and_another_entity_has_its_own(tmp_path: Path) -> None:
    orders = [an_order("ann", 1, 5.0, shop="s1"), an_order("bob", 2, 7.0, shop="s1")]
    write_records(tmp_path, orders)
    view = {"entity": "customer_id", "source": "orders"}
    counts = {"n": {"aggregate": "count"}}
    totals = {"total": {"aggregate": "sum", "of": "amount"}}
    shops = {"sold": {"aggregate": "sum", "of": "amount"}}
    definitions = Definitions.model_validate(
        {
            "views": {
                "counts": {**view, "features": counts},
                "totals": {**view, "features": totals},
                "shops": {**view, "entity": "shop", "features": shops},
            }
        }
    )

    store, _ = materialized(tmp_path, definitions, at(3))

    assert store.look_up(["total", "n"], ["bob", "ann"]).rows == [(7.0, 1.0), (5.0, 1.0)]
    found = store.look_up(["sold"], ["s1"])
    assert (found.entity, found.rows) == ("shop", [(12.0,)])


def test_a_materialisation_that_fails_leaves_what_served(tmp_path: Path) -> None:
    write_records(tmp_path, [an_order("ann", 1)])
    materialized(tmp_path, some_definitions(n={"aggregate": "count"}), at(2))

    with pytest.raises(FeatureDefinitionsError):
        materialized(
            tmp_path, some_definitions(n={"aggregate": "max", "of": "amount / '0x'"}), at(3)
        )

    store = SqliteFeatures(tmp_path / "online")
    assert store.current().number == 1
    assert store.look_up(["n"], ["ann"]).rows == [(1.0,)]
    assert list((tmp_path / "spill").iterdir()) == []


def test_the_definitions_that_come_with_the_project_can_be_computed(tmp_path: Path) -> None:
    order = an_order(
        "ann", 1, 9.5, items=2, channel="web", is_member=True, discount=0.1, spend_next_30d=3.0
    )
    write_records(tmp_path, [order])
    (tmp_path / "orders").rename(tmp_path / "transactions")
    definitions = load_definitions(PROJECT / "features.yaml")

    store, _ = materialized(tmp_path, definitions, at(2))

    names = [*definitions.views["customer"].features]
    [row] = store.look_up(names, ["ann"]).rows
    assert dict(zip(names, row or (), strict=True)) == {
        "n_orders_30d": 1.0, "n_orders_7d": 1.0, "amount_sum_30d": 9.5, "amount_avg_30d": 9.5,
        "amount_max_30d": 9.5, "items_sum_30d": 2.0, "discount_avg_30d": 0.1, "n_web_30d": 1.0,
        "share_member": 1.0, "days_since_last": 1.0,
    }  # fmt: skip
