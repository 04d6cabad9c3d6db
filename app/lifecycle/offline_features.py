"""Features of entities at given moments, from the records: one query for training and for serving.

A moment sees the records up to it and none after it. Sums are exact, of values to nine decimals, so
that no order of the records and no number of threads changes a bit of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from app.errors import FeatureDefinitionsError
from app.lifecycle.feature_definitions import FeatureDefinition, View
from app.lifecycle.partitions import put_back, records_glob, sources
from app.lifecycle.spill import spill_folder

MEMORY: Final = "1GiB"
ROW: Final = "_row"
EXACT: Final = "DECIMAL(38, 9)"
SUMMED: Final = frozenset({"sum", "avg"})
_TOO_LARGE: Final = "1e29"
_DAY_US: Final = 86_400_000_000


@contextmanager
def engine(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB whose memory is bounded; what does not fit goes to a folder in *spill*.

    Raises:
        FeatureDefinitionsError: a query failed inside of the block.
    """
    with spill_folder(spill) as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {literal(str(folder))}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(
            f"SET threads = {max(1, (os.cpu_count() or 2) - 1)}"
        )  # one is left to serve
        connection.execute("SET TimeZone = 'UTC'")
        try:
            yield connection
        except duckdb.Error as error:
            raise FeatureDefinitionsError(f"features: {first_line(error)}") from error


def records_of(records_path: Path, source: str) -> str:
    """Return what DuckDB reads for *source*.

    Raises:
        FeatureDefinitionsError: there is nothing.
        OperatorError: a killed ingestion has set a batch aside, and this user may not put it back.
    """
    pattern = records_glob(records_path, source)
    put_back(records_path, source)
    if source not in sources(records_path):
        raise FeatureDefinitionsError(
            f"{pattern}: there are no records of {source!r}. "
            "Fix: scripts/run_ingestion_validation.py"
        )
    return f"read_parquet({literal(pattern)}, union_by_name = true, hive_partitioning = true)"


@dataclass(frozen=True, slots=True)
class Moments:
    """Entities at moments: a table with ``_row``, ``_entity`` and ``_at``, in microseconds.

    Attributes:
        table: its name.
        first_us: the earliest moment, in microseconds since the epoch.
        last_us: the latest.
    """

    table: str
    first_us: int
    last_us: int


def features_at(view: View, records: str, moments: Moments) -> str:
    """Return a query for ``_row`` and the features of *view*, one line for each of *moments*.

    Args:
        view: what is asked for.
        records: a relation of DuckDB with the columns of the source.
        moments: when, and of which entities.
    """
    features = list(view.features.items())
    columns = ", ".join(
        f"{_aggregate(feature, place)} AS {quoted(name)}"
        for place, (name, feature) in enumerate(features)
    )
    known = "AND e._known_us <= m._at" if view.known_at else ""
    longest = view.longest_window_us
    window = f"AND e._us > m._at - {longest}" if longest is not None else ""
    return f"""
        SELECT m.{ROW}, {columns}
        FROM {moments.table} m LEFT JOIN ({_events(view, records, moments)}) e
        ON e._entity = m._entity AND e._us <= m._at {known} {window}
        GROUP BY m.{ROW}, m._at
    """  # noqa: S608  names are checked identifiers, expressions are the operator's own


def entities_until(views: Sequence[tuple[View, str]], at_us: int) -> str:
    """Return a query for ``_entity``: whoever any of *views*, each with its records, knows then."""
    parts = [
        f"SELECT CAST({quoted(view.entity)} AS VARCHAR) AS _entity FROM {records} "  # noqa: S608
        f"WHERE {_happened(view)} <= make_timestamptz({at_us})"
        + (f" AND {_moment(view.known_at)} <= make_timestamptz({at_us})" if view.known_at else "")
        for view, records in views
    ]
    union = " UNION ALL ".join(parts)
    return f"SELECT DISTINCT _entity FROM ({union}) WHERE _entity IS NOT NULL"  # noqa: S608


def check_view(connection: duckdb.DuckDBPyConnection, name: str, view: View, records: str) -> None:
    """Pass when *records* have what *view* asks for.

    Raises:
        FeatureDefinitionsError: they lack a column, or an expression is wrong; names the feature.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _probe AS SELECT * FROM {records} LIMIT 0")  # noqa: S608
    moments = Moments("(SELECT 0 AS _row, '' AS _entity, 0 AS _at)", 0, 0)
    for feature, definition in view.features.items():
        alone = view.model_copy(update={"features": {feature: definition}})
        try:
            connection.execute(features_at(alone, "_probe", moments))
        except duckdb.Error as error:
            raise FeatureDefinitionsError(
                f"views.{name}.features.{feature}: {first_line(error)}. "
                f"Fix: columns of {view.source!r}, in DuckDB's SQL"
            ) from error


def _events(view: View, records: str, moments: Moments) -> str:
    """Return a query for what each record says to each feature, within the time that matters."""
    columns = [
        f"CAST({quoted(view.entity)} AS VARCHAR) AS _entity",
        f"epoch_us({_happened(view)}) AS _us",
    ]
    if view.known_at:
        columns.append(f"epoch_us({_moment(view.known_at)}) AS _known_us")
    for place, (name, feature) in enumerate(view.features.items()):
        if feature.of is not None:
            value = value_of(feature)
            if feature.aggregate in SUMMED:
                value = _summable(value, name, view.entity)
            columns.append(f"{value} AS _v{place}")
        if feature.where is not None:
            columns.append(f"COALESCE(({feature.where}), FALSE) AS _w{place}")
    where = f"{_happened(view)} <= make_timestamptz({moments.last_us})"
    if view.longest_window_us is not None:
        begin = moments.first_us - view.longest_window_us
        where += f" AND {_happened(view)} > make_timestamptz({begin})"
    return f"SELECT {', '.join(columns)} FROM {records} WHERE {where}"  # noqa: S608


def _summable(value: str, name: str, entity: str) -> str:
    """Return *value* where a sum can hold it; else the query fails and says whose it is."""
    said = f"feature {name} of {entity} "
    fix = f" is too large to be added up. Fix: another unit in 'of', to be below {_TOO_LARGE}"
    whose = f"CAST({quoted(entity)} AS VARCHAR)"
    fault = f"error({literal(said)} || {whose} || ': ' || {value} || {literal(fix)})"
    return f"CASE WHEN abs({value}) >= {_TOO_LARGE} THEN {fault} ELSE {value} END"


def value_of(feature: FeatureDefinition) -> str:
    """Return what one record says: a finite number as a double, or a word."""
    if feature.aggregate in {"count", "count_distinct"}:
        return f"({feature.of})"
    if not feature.is_number:
        return f"CAST(({feature.of}) AS VARCHAR)"
    number = f"CAST(({feature.of}) AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _aggregate(feature: FeatureDefinition, place: int) -> str:
    value = f"e._v{place}"
    counts = "e._us IS NOT NULL"
    if feature.window_us is not None:
        counts = f"e._us > m._at - {feature.window_us}"
    if feature.where is not None:
        counts += f" AND e._w{place}"
    exact = f"sum(CAST({value} AS {EXACT})) FILTER ({counts})"
    answered = {
        "count": f"count({value if feature.of else '*'}) FILTER ({counts})",
        "count_distinct": f"count(DISTINCT {value}) FILTER ({counts})",
        "sum": exact,
        "avg": f"CAST({exact} AS DOUBLE) / count({value}) FILTER ({counts})",
        "min": f"min({value}) FILTER ({counts})",
        "max": f"max({value}) FILTER ({counts})",
        # The order in which a variance is added up shows in its last digits.
        "stddev": f"round(stddev_samp({value}) FILTER ({counts}), 9)",
        # Of records of one moment the greatest value is the last.
        "last": f"arg_max({value}, (e._us, {value})) FILTER ({counts})",
        "days_since_last": f"(m._at - max(e._us) FILTER ({counts})) / CAST({_DAY_US} AS DOUBLE)",
    }[feature.aggregate]
    if feature.default is not None:
        answered = f"COALESCE({answered}, {literal(feature.default)})"
    return f"CAST({answered} AS {'DOUBLE' if feature.is_number else 'VARCHAR'})"


def _happened(view: View) -> str:
    return _moment(view.time)


def _moment(column: str) -> str:
    return f"CAST({quoted(column)} AS TIMESTAMPTZ)"


def quoted(name: str) -> str:
    """Return *name* as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | float) -> str:
    """Return *value* as a literal of SQL."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(float(value))


def first_line(error: duckdb.Error) -> str:
    """Return what DuckDB complains about, without the query around it."""
    return str(error).strip().partition("\n")[0]
