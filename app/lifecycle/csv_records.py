"""Raw rows of a CSV file, read piece by piece."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from app.errors import RecordsError
from app.lifecycle.records import Chunk, Rejected
from app.lifecycle.sources import check_names, digest_of, rows_at_once, short, size_of, unreadable

_MOST_BYTES: Final = 33_554_432
_BYTE_ORDER_MARK: Final = "\ufeff"
_Row = tuple[int, list[str], str | None]  # the first line, the cells, what is wrong with it
_STRANGE: Final = "holds bytes that are no UTF-8"


@dataclass(frozen=True)
class CsvRecords:
    """A CSV file in UTF-8 with a header; a row that is ragged or no UTF-8 is kept as broken."""

    path: Path
    unit: str = field(default="bytes", init=False)

    @property
    def origin(self) -> str:
        """The file."""
        return str(self.path.absolute())

    @property
    def total(self) -> int | None:
        """Bytes of the file."""
        return size_of(self.path)

    def content_sha256(self) -> str:
        """Return the digest of the file."""
        return digest_of([self.path])

    def default_batch_id(self, content: str | None) -> str:
        """Return a name made from the content."""
        return f"csv-{short(content or self.content_sha256())}"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows; blank lines are none."""
        try:
            with self.path.open("rb") as file:
                yield from self._chunks(file)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _chunks(self, file: BinaryIO) -> Iterator[Chunk]:
        text = _Lines(file)
        rows = self._rows(text)
        header = self._header(rows)
        n_rows, size = 0, 0
        while True:
            piece = _Piece()
            for line, cells, fault in islice(rows, rows_at_once(len(header))):
                n_rows += 1
                piece.add(n_rows, line, cells, fault or _width_fault(cells, header))
                if text.n_bytes - size > _MOST_BYTES:
                    break
            if n_rows and not piece.n_rows:
                return
            yield piece.chunk(header, text.n_bytes - size)
            size = text.n_bytes
            if not n_rows:
                return

    def _header(self, rows: Iterator[_Row]) -> list[str]:
        _, header, fault = next(rows, (1, [], None))
        if fault is not None:
            raise RecordsError(f"{self.path}: the header {fault}. Fix: a CSV file in UTF-8")
        if not header:
            raise RecordsError(f"{self.path}: the file is empty. Fix: a header line, then rows")
        check_names(str(self.path), header)
        return header

    def _rows(self, text: _Lines) -> Iterator[_Row]:
        """Yield each row that is not blank; one whose quotes are wrong as it stands in the file."""
        reader = csv.reader(iter(text), strict=True)
        while True:
            line, fault = reader.line_num + 1, None
            try:
                cells = next(reader, None)
            except csv.Error as error:
                if reader.line_num > line:
                    raise RecordsError(
                        f"{self.path}: line {line}: cannot be read as CSV: {error}. "
                        "Fix: close the quote that opens there"
                    ) from error
                cells, fault = [text.last], f"cannot be read as CSV: {error}"
            if cells is None:
                return
            if not text.strange.isdisjoint(range(line, reader.line_num + 1)):
                fault = _STRANGE
            if cells:
                yield line, cells, fault


class _Lines:
    """Lines of a file as text; ``strange`` are the numbers of those that are no UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.n_bytes = 0
        self.last = ""
        self.strange: set[int] = set()

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._file, start=1):
            self.n_bytes += len(line)
            try:
                text = line.decode()
            except UnicodeDecodeError:
                self.strange.add(number)
                text = line.decode(errors="backslashreplace")
            self.last = text.removeprefix(_BYTE_ORDER_MARK) if number == 1 else text
            yield self.last


class _Piece:
    """Rows of a CSV file on their way to columns."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []
        self._numbers: list[int] = []
        self._lines: list[int] = []
        self._broken: list[Rejected] = []

    @property
    def n_rows(self) -> int:
        return len(self._rows) + len(self._broken)

    def add(self, number: int, line: int, cells: list[str], fault: str | None) -> None:
        if fault is not None:
            self._broken.append(Rejected("", number, line, [fault], cells))
            return
        self._rows.append(cells)
        self._numbers.append(number)
        self._lines.append(line)

    def chunk(self, header: Sequence[str], size: int) -> Chunk:
        columns = map(list, zip(*self._rows, strict=True)) if self._rows else ([] for _ in header)
        named: dict[str, list[Any]] = dict(zip(header, columns, strict=True))
        return Chunk(named, self._numbers, self._lines, "", self._broken, size)


def _width_fault(cells: Sequence[str], header: Sequence[str]) -> str | None:
    if len(cells) == len(header):
        return None
    return f"has {len(cells)} cells, and the header {len(header)}"
