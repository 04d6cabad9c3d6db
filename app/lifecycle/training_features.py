"""A training set: rows with a label, an entity and a time, and the features as they were then."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from app.errors import FeatureDefinitionsError
from app.lifecycle.feature_definitions import Definitions
from app.lifecycle.offline_features import (
    ROW,
    Moments,
    check_view,
    engine,
    features_at,
    first_line,
    literal,
    quoted,
    records_of,
)

_READERS: Final = {".parquet": "read_parquet", ".csv": "read_csv"}


def write_training_set(definitions: Definitions, records_path: Path, spine: str, out: Path) -> int:
    """Write *spine* with the features of each row to *out*, which appears when it is whole.

    Args:
        definitions: of the features.
        records_path: the folder of the records.
        spine: a Parquet or CSV file, or a pattern of several.
        out: a Parquet file.

    Returns:
        The number of rows.

    Raises:
        FeatureDefinitionsError: a file cannot be read or written, or lacks a column.
    """
    if out.suffix != ".parquet":
        raise FeatureDefinitionsError(f"{out}: is no Parquet. Fix: --training FILE.parquet")
    if not out.parent.is_dir():
        raise FeatureDefinitionsError(f"{out}: there is no such folder. Fix: mkdir -p {out.parent}")
    with engine(out.parent) as connection:
        frame = training_frame(connection, definitions, records_path, spine)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        os.close(handle)
        try:
            frame.write_parquet(name, compression="zstd")
            connection.execute(f"SELECT count(*) FROM read_parquet({literal(name)})")  # noqa: S608
            n_rows: int = connection.fetchall()[0][0]
            Path(name).replace(out)
        finally:
            Path(name).unlink(missing_ok=True)
    return n_rows


def training_frame(
    connection: duckdb.DuckDBPyConnection, definitions: Definitions, records_path: Path, spine: str
) -> duckdb.DuckDBPyRelation:
    """Return the rows of *spine* in their order, and beside them each feature as of their time.

    Raises:
        FeatureDefinitionsError: the spine cannot be read, or lacks an entity or a time.
    """
    time = _time_of(definitions)
    _read_spine(connection, definitions, spine, time)
    parts = []
    for number, (name, view) in enumerate(definitions.views.items()):
        records = records_of(records_path, view.source)
        check_view(connection, name, view, records)
        moments = _moments(connection, view.entity, time)
        query = features_at(view, records, moments)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE _part{number} AS {query}")
        connection.execute(f"DROP TABLE {moments.table}")
        parts.append((f"_part{number}", [*view.features]))
    columns = ", ".join(f"{part}.{quoted(name)}" for part, names in parts for name in names)
    joins = " ".join(f"JOIN {part} USING ({ROW})" for part, _ in parts)
    return connection.sql(
        f"SELECT _spine.* EXCLUDE ({ROW}), {columns} FROM _spine {joins} ORDER BY _spine.{ROW}"  # noqa: S608
    )


def _time_of(definitions: Definitions) -> str:
    """Return the column of the spine that says when: what all views call it."""
    times = sorted({view.time for view in definitions.views.values()})
    if len(times) > 1:
        raise FeatureDefinitionsError(
            f"the views have the times {', '.join(times)}, so a spine cannot. "
            "Fix: one name in all sources"
        )
    return times[0]


def _read_spine(
    connection: duckdb.DuckDBPyConnection, definitions: Definitions, spine: str, time: str
) -> None:
    suffix = Path(spine).suffix
    if suffix not in _READERS:
        raise FeatureDefinitionsError(f"--spine {spine}: is neither .parquet nor .csv")
    entities = sorted(definitions.by_entity())
    options = ""
    if suffix == ".csv":  # a number would lose the zeros that an entity may begin with
        types = ", ".join(f"{literal(it)}: 'VARCHAR'" for it in entities)
        options = f", types = {{{types}}}"
    try:
        # Only a scan by one thread numbers the rows as they stand in the file.
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _spine AS SELECT row_number() OVER () AS {ROW}, * "  # noqa: S608
            f"FROM {_READERS[suffix]}({literal(spine)}{options})"
        )
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"SELECT CAST({quoted(time)} AS TIMESTAMPTZ) FROM _spine LIMIT 0")  # noqa: S608
    except duckdb.Error as error:
        needs = ", ".join([*entities, time])
        raise FeatureDefinitionsError(
            f"--spine {spine}: {first_line(error)}. Fix: a file with the columns {needs}"
        ) from error
    _check_columns(connection, definitions, spine, [*entities, time])


def _check_columns(
    connection: duckdb.DuckDBPyConnection,
    definitions: Definitions,
    spine: str,
    needed: Sequence[str],
) -> None:
    columns = [it[0] for it in connection.execute("DESCRIBE _spine").fetchall()]
    lacks = [it for it in needed if it not in columns]
    if lacks:
        raise FeatureDefinitionsError(
            f"--spine {spine}: has no column {lacks[0]!r}. Fix: it needs {', '.join(needed)}"
        )
    features = {name for view in definitions.views.values() for name in view.features}
    taken = sorted(features & set(columns))
    if taken:
        raise FeatureDefinitionsError(
            f"--spine {spine}: has a column {taken[0]!r} like a feature. Fix: leave it out"
        )


def _moments(connection: duckdb.DuckDBPyConnection, entity: str, time: str) -> Moments:
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _moments AS SELECT {ROW}, "  # noqa: S608
        f"CAST({quoted(entity)} AS VARCHAR) AS _entity, "
        f"epoch_us(CAST({quoted(time)} AS TIMESTAMPTZ)) AS _at FROM _spine"
    )
    connection.execute("SELECT min(_at), max(_at), count(*) - count(_at) FROM _moments")
    first, last, n_without = connection.fetchall()[0]
    if n_without:
        raise FeatureDefinitionsError(
            f"the spine has {n_without} rows without {time!r}. Fix: leave them out"
        )
    return Moments("_moments", first or 0, last or 0)
