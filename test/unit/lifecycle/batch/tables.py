"""Rows on disk in every form that a batch reads."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, dataset, ipc, parquet

from app.lifecycle.batch.run import Outcome, Wishes, run_batch
from app.settings.schema import Settings
from app.wiring.offline import open_version

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def some_rows(n_rows: int, **columns: Any) -> pa.Table:
    """Rows for the model ``line``, whose features are a and b."""
    generator = np.random.default_rng(3)
    numbers = {name: generator.normal(size=n_rows) for name in "ab"}
    return pa.table(numbers | columns)


def written(path: Path, table: pa.Table, *, group_rows: int = 5_000) -> Path:
    """Write *table* to *path* in the form that its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=group_rows)
    elif path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        with ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=group_rows)
    return path


def scored(settings: Settings, source: Path | str, target: Path | str, **wishes: Any) -> Outcome:
    """Score *source* with the default model of *settings*."""
    asked: dict[str, Any] = {"rules": {}, "n_workers": 2} | wishes
    open_model = partial(open_version, settings, None)
    return run_batch(Wishes(source=str(source), target=str(target), **asked), open_model, NOW)


def answers(target: Path, form: str = "parquet") -> pa.Table:
    """All answers in *target*, in the order of their rows."""
    return dataset.dataset(target, format=form).to_table().sort_by("row")


def rejects(target: Path) -> list[dict[str, Any]]:
    """All rejects in *target*, in the order of their rows."""
    files = sorted((target / "_rejects").glob("*.parquet"))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]
