"""Arrow's file format by record batches, and large ones by stretches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
from pyarrow import ipc

from app.lifecycle.batch.extents import Block, Extent, Layout, Wanted, blocks_of
from app.lifecycle.batch.inputs import InputFile, opened

_EXTENT_ROWS: Final = 2**14
# An extent counts record batches in its upper half, and rows of the batch in its lower one.
_BATCH: Final = 2**32


def layout(file: InputFile) -> Layout:
    """Return the columns of *file*, and extents of some rows of one record batch each."""
    with _reader(file) as reader:
        schema = reader.schema
    extents = []
    with _reader(file, ipc.IpcReadOptions(included_fields=[0])) as reader:  # one tells how many
        for number in range(reader.num_record_batches):
            n_rows = reader.get_batch(number).num_rows
            for first in range(0, n_rows, _EXTENT_ROWS):
                stop = min(first + _EXTENT_ROWS, n_rows)
                place = number * _BATCH
                extents.append(Extent(place + first, place + stop, stop - first))
    return Layout(schema, extents)


def read(file: InputFile, extents: Sequence[Extent], wanted: Wanted) -> Iterator[Block]:
    """Give the rows of these extents, which follow one another."""
    with _reader(file) as reader:
        yield from blocks_of(_batches(reader, extents), wanted)


def _batches(reader: Any, extents: Sequence[Extent]) -> Iterable[pa.RecordBatch]:
    for number, of_batch in groupby(extents, key=lambda extent: extent.start // _BATCH):
        all_of_it = [*of_batch]
        n_rows = sum(extent.n_rows for extent in all_of_it)
        yield reader.get_batch(number).slice(all_of_it[0].start % _BATCH, n_rows)


@contextmanager
def _reader(file: InputFile, options: Any = None) -> Iterator[Any]:
    """Give a reader that touches nothing on this machine but the pages that are asked for.

    They are let go of with the mapping, so a mapping had better be short-lived.
    """
    with opened(file) as source:
        if "://" in file.url:
            yield ipc.open_file(source, options=options)
            return
        with pa.memory_map(file.url) as mapped:
            yield ipc.open_file(mapped, options=options)
