"""A CSV file as it is written: a header, and cells of text that remember their line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from app.errors import TrainingDataError

_MISSING: Final = {"", "na", "nan", "-nan", "+nan", "null", "none"}
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cells by column.

    Attributes:
        columns: for each name of the header, in its order, one cell a row.
        lines: where each row begins in the file; the first line is 1.
    """

    path: Path
    columns: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def fault(self, name: str, problem: str, row: int | None = None) -> TrainingDataError:
        """Return the error for column *name*, and for the line of *row* where there is one."""
        line = "" if row is None else f"line {self.lines[row]}: "
        return TrainingDataError(f"{self.path}: {line}{name}: {problem}")


def read_sheet(path: Path, needed: Sequence[str] = ()) -> Sheet:
    """Read a CSV file in UTF-8 with a header line that has the *needed* names.

    Blank lines are no rows.

    Raises:
        TrainingDataError: it cannot be read, a name is missing or there twice, or a row is ragged.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(_rows(path, file))
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or error
        raise TrainingDataError(f"{path}: cannot be read as CSV: {problem}") from error
    if not rows:
        raise TrainingDataError(f"{path}: the file is empty")
    (_, header), *rest = rows
    _check_names(path, header, needed)
    for line, row in rest:
        if len(row) != len(header):
            found = f"has {len(row)} cells; {len(header)} are needed"
            raise TrainingDataError(f"{path}: line {line} {found}")
    cells = zip(*(row for _, row in rest), strict=True) if rest else [()] * len(header)
    return Sheet(path, dict(zip(header, cells, strict=True)), tuple(line for line, _ in rest))


def is_missing(cell: str) -> bool:
    """Say whether *cell* stands for no value: empty, or one of the usual words for that."""
    return cell.strip().lower() in _MISSING


def _rows(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with its first line; a quoted cell may hold line ends."""
    reader = csv.reader(file)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise TrainingDataError(f"{path}: line {line}: cannot be read as CSV: {error}") from error


def _check_names(path: Path, header: Sequence[str], needed: Sequence[str]) -> None:
    for name in needed:
        if name not in header:
            there = ", ".join(header)
            raise TrainingDataError(f"{path}: there is no column {name!r}; there is: {there}")
    for place, name in enumerate(header, start=1):
        if not 1 <= len(name) <= _LONGEST_NAME:
            named = f"needs a name of 1 to {_LONGEST_NAME} characters"
            raise TrainingDataError(f"{path}: column {place} {named}")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise TrainingDataError(f"{path}: two columns are called {twice!r}; rename one")
