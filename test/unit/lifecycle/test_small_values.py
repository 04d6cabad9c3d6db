from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.lifecycle.small_values import lost_values
from test.unit.lifecycle.records import an_order, write_records
from test.unit.lifecycle.test_offline_features import some_definitions

ORDERS = [an_order("ann", 1, 1e-10), an_order("ann", 2, -2e-10), an_order("bob", 1, 0.0)]


def lost(folder: Path, **feature: Any) -> list[str]:
    write_records(folder, [*ORDERS, an_order("bob", 2, 7.5), an_order("bob", 3, None)])
    return [*lost_values(some_definitions(x=feature), folder, folder / "spill")]


@pytest.mark.parametrize("aggregate", ["sum", "avg"])
def test_values_that_a_sum_takes_for_0_are_counted(tmp_path: Path, aggregate: str) -> None:
    [said] = lost(tmp_path, aggregate=aggregate, of="amount")

    assert said.startswith("views.customer.features.x: 2 values of 'orders' are so small")


@pytest.mark.parametrize(
    "feature",
    [
        {"aggregate": "max", "of": "amount"},
        {"aggregate": "sum", "of": "amount * 1e9"},
        {"aggregate": "sum", "of": "amount", "where": "customer_id = 'bob'"},
        {"aggregate": "sum", "of": "CAST(customer_id AS DOUBLE)"},
    ],
    ids=["no sum", "another unit", "not counted", "no number"],
)
def test_where_no_value_is_lost_nothing_is_said(tmp_path: Path, feature: dict[str, Any]) -> None:
    assert lost(tmp_path, **feature) == []
