"""Features of every entity as of a moment, from the records into the online store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from app.domain.entities import EntityStore, EntityTable, FeatureValue, Generation
from app.errors import FeatureDefinitionsError
from app.lifecycle.feature_definitions import Definitions, View
from app.lifecycle.offline_features import (
    ROW,
    Moments,
    check_view,
    engine,
    entities_until,
    features_at,
    quoted,
    records_of,
)
from app.lifecycle.progress import progress

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS_AT_ONCE: Final = 5_000


def materialize(
    definitions: Definitions,
    records_path: Path,
    store: EntityStore,
    *,
    as_of: datetime,
    spill: Path,
) -> tuple[Generation, int]:
    """Write the features of every entity that has a record up to *as_of* into *store*.

    Args:
        definitions: of the features.
        records_path: the folder of the records.
        store: readers of it see the old generation until the new one is whole.
        as_of: in UTC; what happened later does not count.
        spill: a folder for what does not fit into memory.

    Returns:
        The new generation, and the number of entities in it.

    Raises:
        FeatureDefinitionsError: the records lack what is asked for, or know nobody.
        FeatureStoreError: the store cannot be written.
    """
    sizes: list[int] = []
    with engine(spill) as connection:

        def tables() -> Iterator[EntityTable]:
            for entity in definitions.by_entity():
                views = _checked(connection, definitions, entity, records_path)
                table = _computed(connection, entity, views, as_of)
                sizes.append(table.n_rows)
                yield table

        generation = store.write(as_of, tables())
    return generation, sum(sizes)


def _checked(
    connection: duckdb.DuckDBPyConnection,
    definitions: Definitions,
    entity: str,
    records_path: Path,
) -> list[tuple[View, str]]:
    """Return the views of *entity*, each with its records, which have what it asks for."""
    found = []
    for name, view in definitions.views.items():
        if view.entity == entity:
            records = records_of(records_path, view.source)
            check_view(connection, name, view, records)
            found.append((view, records))
    return found


def _computed(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    views: Sequence[tuple[View, str]],
    as_of: datetime,
) -> EntityTable:
    at_us = (as_of - _EPOCH) // timedelta(microseconds=1)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _moments AS SELECT row_number() OVER () AS {ROW}, "  # noqa: S608
        f"_entity, CAST({at_us} AS BIGINT) AS _at FROM ({entities_until(views, at_us)})"
    )
    n_rows: int = connection.execute("SELECT count(*) FROM _moments").fetchall()[0][0]
    if not n_rows:
        raise FeatureDefinitionsError(
            f"no {entity} has a record up to {as_of:%Y-%m-%dT%H:%M:%SZ}. "
            "Fix: a later --as-of, or ingest records"
        )
    moments = Moments("_moments", at_us, at_us)
    for number, (view, records) in enumerate(views):
        query = features_at(view, records, moments)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE _part{number} AS {query}")
    names = tuple(name for view, _ in views for name in view.features)
    columns = ", ".join(map(quoted, names))
    joins = " ".join(f"JOIN _part{number} USING ({ROW})" for number in range(len(views)))
    query = f"SELECT _entity, {columns} FROM _moments {joins} ORDER BY _entity"  # noqa: S608
    return EntityTable(entity, names, n_rows, _rows(connection, query, entity, n_rows))


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, entity: str, n_rows: int
) -> Iterator[tuple[FeatureValue, ...]]:
    connection.execute(query)
    with progress(f"writing {entity}", n_rows, "entities") as advance:
        while rows := connection.fetchmany(_ROWS_AT_ONCE):
            yield from rows
            advance(len(rows))
