"""An input cut into parts: the same input gives the same parts, whoever scores them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import pyarrow as pa

from app.lifecycle.batch import arrow_files, csv_files, parquet_files
from app.lifecycle.batch.extents import Block, Extent, Layout, Wanted
from app.lifecycle.batch.inputs import Form, InputFile


class Reader(Protocol):
    """What knows one form of files."""

    def layout(self, file: InputFile) -> Layout:
        """Return the columns of *file*, and the smallest stretches in which it is read."""
        ...

    def read(self, file: InputFile, extents: Sequence[Extent], wanted: Wanted) -> Iterator[Block]:
        """Give the rows of these extents, which follow one another."""
        ...


READERS: Final[Mapping[Form, Reader]] = {
    "parquet": parquet_files,
    "csv": csv_files,
    "arrow": arrow_files,
}
MOST_ROWS: Final = 2**20
_LEAST_ROWS: Final = 2**14
# So many parts keep the cores of a machine busy to the end, where there are rows for them.
_PARTS: Final = 32
_FEW_EXTENTS: Final = 8


class Piece(NamedTuple):
    """A stretch of one file; what *start* and *stop* count depends on its form.

    Attributes:
        file: its place among the input's files.
        first_row: its number in the whole input, from 0.
    """

    file: int
    start: int
    stop: int
    first_row: int
    n_rows: int


class Part(NamedTuple):
    """What is scored, and written, in one go."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def n_rows(self) -> int:
        """Rows of all pieces."""
        return sum(piece.n_rows for piece in self.pieces)


class Plan(NamedTuple):
    """All parts, and the columns of each file."""

    parts: Sequence[Part]
    schemas: Sequence[pa.Schema]

    @property
    def n_rows(self) -> int:
        """Rows of the whole input."""
        return sum(part.n_rows for part in self.parts)


def plan_of(files: Sequence[InputFile]) -> Plan:
    """Look into *files*, and cut them into parts of about a million rows, or fewer.

    A part holds whole row groups of Parquet, unless there are hardly any.

    Raises:
        OperatorError: one of them cannot be read.
    """
    layouts = _fine_enough([READERS[file.form].layout(file) for file in files], files)
    n_rows = sum(extent.n_rows for layout in layouts for extent in layout.extents)
    wanted = min(MOST_ROWS, max(_LEAST_ROWS, -(-n_rows // _PARTS)))
    return Plan([*_parts(_pieces(layouts), wanted)], [layout.schema for layout in layouts])


def _fine_enough(layouts: Sequence[Layout], files: Sequence[InputFile]) -> Sequence[Layout]:
    """Cut row groups where there are so few that cores would have nothing to do."""
    n_extents = sum(len(layout.extents) for layout in layouts)
    if not 0 < n_extents < _FEW_EXTENTS:
        return layouts
    n_each = -(-_FEW_EXTENTS // n_extents)
    return [
        layout._replace(extents=parquet_files.finer(layout.extents, n_each, _LEAST_ROWS))
        if file.form == "parquet"
        else layout
        for layout, file in zip(layouts, files, strict=True)
    ]


def _pieces(layouts: Sequence[Layout]) -> Iterator[Piece]:
    first_row = 0
    for place, layout in enumerate(layouts):
        for extent in layout.extents:
            yield Piece(place, extent.start, extent.stop, first_row, extent.n_rows)
            first_row += extent.n_rows


def _parts(pieces: Iterator[Piece], wanted: int) -> Iterator[Part]:
    """Gather pieces until a part has the rows that are wanted; of no rows there is one part."""
    number, gathered, n_rows = 0, list[Piece](), 0
    for piece in pieces:
        if gathered and n_rows + piece.n_rows > wanted:
            yield Part(number, tuple(gathered))
            number, gathered, n_rows = number + 1, [], 0
        gathered.append(piece)
        n_rows += piece.n_rows
    if gathered or number == 0:
        yield Part(number, tuple(gathered))
