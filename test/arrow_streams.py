"""Arrow streams as clients make and read them."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa

ARROW = "application/vnd.apache.arrow.stream"


def a_stream(columns: Any, *, rows_in_batch: int | None = None, **options: Any) -> bytes:
    """A table, or columns by name, as one stream."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    sink = io.BytesIO()
    options = {"options": pa.ipc.IpcWriteOptions(**options)}
    with pa.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=rows_in_batch)
    return sink.getvalue()


def table_of(stream: bytes) -> pa.Table:
    """Return the table in *stream*, every part of it validated."""
    with pa.ipc.open_stream(stream) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table
