"""Records of customers, made by hand, where a pipeline would find them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

DAY_0 = datetime(2026, 6, 1, tzinfo=UTC)


def at(days: float) -> datetime:
    """A moment, in days after the first one."""
    return DAY_0 + timedelta(days=days)


def write_records(folder: Path, records: Sequence[dict[str, Any]], batch: str = "b") -> Path:
    """Write *records* by the date of their time, as one batch of the source ``orders``."""
    by_date: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_date.setdefault(record["event_time"].date().isoformat(), []).append(record)
    for date, rows in by_date.items():
        file = folder / "orders" / batch / f"date={date}" / "00000.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.Table.from_pylist(rows), file)
    return folder


def an_order(customer: str, days: float, amount: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """One order, *days* after the first moment."""
    return {"customer_id": customer, "event_time": at(days), "amount": amount, **more}
