"""Parts joined to one file, where one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from app.lifecycle.batch.folder import Folder, writing
from app.lifecycle.batch.inputs import Form, store_of
from app.lifecycle.batch.outputs import writer_to

_BLOCK_ROWS: Final = 2**14


def join(parts: Folder, names: Sequence[str], target: Folder, name: str, form: Form) -> None:
    """Write the Parquet files *names*, in their order, as the one file *name* of *target*."""
    new = target.begun(name)
    try:
        with (
            writing(f"{target.url}/{name}"),
            writer_to(new, _schema(parts, names[0]), form) as writer,
        ):
            for batch in _batches(parts, names):
                writer.write_batch(batch)
        target.finish(new, name)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _batches(parts: Folder, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for name in names:
        with (
            store_of(f"{parts.url}/{name}") as (store, path),
            store.open(path, "rb") as source,
            parquet.ParquetFile(source) as found,
        ):
            yield from found.iter_batches(_BLOCK_ROWS)


def _schema(parts: Folder, name: str) -> pa.Schema:
    with store_of(f"{parts.url}/{name}") as (store, path), store.open(path, "rb") as source:
        return parquet.read_schema(source)
