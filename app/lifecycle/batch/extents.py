"""What the readers of each form say of a file, and what they give of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_BLOCK_CELLS: Final = 2**20
_LEAST_ROWS: Final = 2**10


class Extent(NamedTuple):
    """A stretch of a file that can be read by itself."""

    start: int
    stop: int
    n_rows: int


class Layout(NamedTuple):
    """The columns of a file and its stretches, in their order."""

    schema: pa.Schema
    extents: Sequence[Extent]


class Wanted(NamedTuple):
    """What is wanted of a stretch.

    Attributes:
        columns: by name.
        first_row: the number of the first row in the whole input.
        names: of all columns of the file.
        numbers: the kind of each feature that is a number, by name.
        block_rows: that are scored at once; wide ones are fewer.
    """

    columns: Sequence[str]
    first_row: int
    names: Sequence[str]
    numbers: Mapping[str, str]
    block_rows: int = 2**14

    @property
    def most_rows(self) -> int:
        """Rows of a block, which memory has room for however wide they are."""
        return min(self.block_rows, max(_LEAST_ROWS, _BLOCK_CELLS // len(self.columns)))


class Refused(NamedTuple):
    """A row that gets no answer, and why."""

    row: int
    feature: str | None
    reason: str


class Block(NamedTuple):
    """Some rows of a stretch.

    Attributes:
        batch: the wanted columns of those that could be read.
        rows: the number of each in the whole input, shape (n_rows,).
        unreadable: what is wrong with those that are not in *batch*; ``row`` is of the input.
        faults: what is wrong with cells of those that are; ``row`` is the place in *batch*.
    """

    batch: pa.RecordBatch
    rows: npt.NDArray[np.int64]
    unreadable: Sequence[Refused] = ()
    faults: Sequence[Refused] = ()


def blocks_of(batches: Iterable[pa.RecordBatch], wanted: Wanted) -> Iterator[Block]:
    """Number the rows of *batches*, and cut these into blocks."""
    first, most = wanted.first_row, wanted.most_rows
    for batch in batches:
        chosen = batch.select([*wanted.columns])
        for start in range(0, batch.num_rows, most):
            part = chosen.slice(start, most)
            yield Block(part, np.arange(first, first + part.num_rows))
            first += part.num_rows
