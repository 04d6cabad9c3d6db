"""Which features lose values that are too small for the nine decimals of a sum."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from app.lifecycle.feature_definitions import Definitions, View
from app.lifecycle.offline_features import EXACT, SUMMED, engine, records_of, value_of


def lost_values(definitions: Definitions, records_path: Path, spill: Path) -> Iterator[str]:
    """Say of each sum and average how many values of its records count as 0 and are not.

    Args:
        definitions: of features that can be computed.
        records_path: the folder of the records.
        spill: a folder for what does not fit into memory.
    """
    with engine(spill) as connection:
        for name, view in definitions.views.items():
            for feature, n_lost in _lost(connection, view, records_of(records_path, view.source)):
                yield (
                    f"views.{name}.features.{feature}: {n_lost:,} values of {view.source!r} are so "
                    "small that they count as 0. Fix: a smaller unit, as in of: amount * 1e9"
                )


def _lost(
    connection: duckdb.DuckDBPyConnection, view: View, records: str
) -> Iterator[tuple[str, int]]:
    summed = {name: it for name, it in view.features.items() if it.aggregate in SUMMED}
    if not summed:
        return
    columns = []
    for feature in summed.values():
        value = value_of(feature)
        counts = f"{value} <> 0 AND TRY_CAST({value} AS {EXACT}) = 0"
        if feature.where is not None:
            counts += f" AND ({feature.where})"
        columns.append(f"count(*) FILTER ({counts})")
    query = f"SELECT {', '.join(columns)} FROM {records}"  # noqa: S608
    try:
        found = connection.execute(query).fetchall()[0]
    except duckdb.Error:  # of a record outside of every window
        return
    yield from ((name, n_lost) for name, n_lost in zip(summed, found, strict=True) if n_lost)
