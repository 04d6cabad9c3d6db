"""Parquet by row groups, and by stretches of them where there are few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from app.lifecycle.batch.extents import Block, Extent, Layout, Wanted, blocks_of
from app.lifecycle.batch.inputs import InputFile, opened

# So much of a column is read ahead, never a whole row group, which may be the whole file.
_HERE_BYTES: Final = 2**16
_ELSEWHERE_BYTES: Final = 2**22
# An extent counts row groups in its upper half, and rows of the group in its lower one.
_GROUP: Final = 2**32


def layout(file: InputFile) -> Layout:
    """Return the columns of *file*, and an extent for each row group."""
    with opened(file) as source, parquet.ParquetFile(source) as found:
        groups = range(found.metadata.num_row_groups)
        sizes = [found.metadata.row_group(number).num_rows for number in groups]
        extents = [Extent(at * _GROUP, at * _GROUP + size, size) for at, size in enumerate(sizes)]
        return Layout(found.schema_arrow, extents)


def finer(extents: Sequence[Extent], n_each: int, least_rows: int) -> list[Extent]:
    """Cut each row group into *n_each* stretches, or fewer of *least_rows*.

    Whoever reads a stretch decodes what lies before it in the group, so there should be few.
    """
    found = []
    for extent in extents:
        n_rows = max(least_rows, -(-extent.n_rows // n_each))
        for start in range(extent.start, extent.stop, n_rows):
            stop = min(start + n_rows, extent.stop)
            found.append(Extent(start, stop, stop - start))
    return found


def read(file: InputFile, extents: Sequence[Extent], wanted: Wanted) -> Iterator[Block]:
    """Give the rows of these extents, which follow one another."""
    ahead_bytes = _ELSEWHERE_BYTES if "://" in file.url else _HERE_BYTES
    with (
        opened(file) as source,
        parquet.ParquetFile(source, pre_buffer=False, buffer_size=ahead_bytes) as found,
    ):
        stretches = []
        for number, of_group in groupby(extents, key=lambda extent: extent.start // _GROUP):
            all_of_it = [*of_group]
            start, stop = all_of_it[0].start % _GROUP, all_of_it[-1].stop % _GROUP
            stretches.append(_batches(found, number, start, stop, wanted))
        yield from blocks_of(chain.from_iterable(stretches), wanted)


def _batches(
    found: parquet.ParquetFile, group: int, start: int, stop: int, wanted: Wanted
) -> Iterator[pa.RecordBatch]:
    first, columns = 0, [*wanted.columns]
    for batch in found.iter_batches(wanted.most_rows, [group], columns=columns, use_threads=False):
        begin, end = max(start, first), min(stop, first + batch.num_rows)
        if begin < end:
            yield batch.slice(begin - first, end - begin)
        first += batch.num_rows
        if first >= stop:
            return
