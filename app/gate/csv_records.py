"""Records of CSV, cell by cell: the judge of every CSV body."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np

from app.domain.contract import Contract
from app.errors import BodyMalformedError, FieldError, InputInvalidError
from app.gate.cells import Values, values_of
from app.gate.csv_form import CsvForm
from app.gate.decode import PredictBody
from app.gate.places import Places
from app.gate.wishes import Asked

_RETURN: Final = "a carriage return stands without a line feed"
_Wrong = tuple[int, str | None, str]  # row, feature, reason
_Column = tuple[list[int], Values]  # rows, and the value of each


class _Record(NamedTuple):
    """Cells, and the line on which the first of them begins."""

    line: int
    cells: list[str]


def cell_by_cell(body: bytes, asked: Asked, form: CsvForm) -> PredictBody:
    """Read the rows of *body*, and say of each cell that cannot be read where it is.

    Raises:
        BodyMalformedError: it is no CSV in UTF-8.
        InputInvalidError: the columns are not the features, there is no row, or a cell cannot be
            read and faulty rows are not skipped.
        BodyTooLargeError: there are more rows than are taken.
    """
    records = _records(_text(body))
    head = next(records, _Record(1, [""])) if form.names_columns else None
    order = form.order(head.cells if head else None)
    found = [*islice(records, form.max_rows + 1)]
    if not found:
        raise InputInvalidError([FieldError(None, None, "the body must hold rows")])
    form.check_size(len(found))
    lines = Places([record.line for record in found], range(len(found)))
    columns, wrong = _columns([record.cells for record in found], order, form.contract, asked)
    if wrong and not asked.skips:
        raise InputInvalidError([lines.fault(*fault) for fault in wrong])
    if wrong:
        columns, lines = _good(columns, wrong, lines)
    return PredictBody(
        _data([values for _, values in columns], form.contract),
        asked.wish,
        is_in_order=form.contract.input == "numbers",
        skips=asked.skips,
        places=lines,
    )


def _columns(
    rows: list[list[str]], order: list[int], contract: Contract, asked: Asked
) -> tuple[list[_Column], list[_Wrong]]:
    """Return the values of each feature, and what is wrong, row by row.

    As much is looked at as the answer tells: where faulty rows are skipped, the first fault of
    each, and otherwise the first faults of all.
    """
    wrong: list[_Wrong] = [
        (row, None, f"has {len(cells)} cells; {len(order)} are needed")
        for row, cells in enumerate(rows)
        if len(cells) != len(order)
    ]
    left = _left([row for row, cells in enumerate(rows) if len(cells) == len(order)], wrong, asked)
    columns: list[_Column] = []
    for feature, place in zip(contract.features, order, strict=True):
        values, reasons = values_of(feature, [rows[row][place] for row in left])
        columns.append((left, values))
        if reasons:
            wrong += [(left[at], feature.name, reason) for at, reason in reasons.items()]
            left = _left(left, wrong, asked)
    return columns, wrong


def _left(rows: list[int], wrong: list[_Wrong], asked: Asked) -> list[int]:
    """Return those of *rows* of which a further fault would be told; puts *wrong* in order."""
    wrong.sort(key=itemgetter(0))
    if asked.skips:
        faulty = {fault[0] for fault in wrong}
        return [row for row in rows if row not in faulty]
    del wrong[InputInvalidError.MAX_FAULTS :]
    if len(wrong) < InputInvalidError.MAX_FAULTS:
        return rows
    last = wrong[-1][0]
    return [row for row in rows if row < last]


def _good(
    columns: list[_Column], wrong: list[_Wrong], lines: Places
) -> tuple[list[_Column], Places]:
    """Return the columns without the rows in which something is *wrong*."""
    faulty = {fault[0] for fault in wrong}
    good = [row for row in lines.rows if row not in faulty]
    faults = tuple(lines.fault(*fault) for fault in wrong)
    kept = [
        (good, [value for row, value in zip(rows, values, strict=True) if row not in faulty])
        for rows, values in columns
    ]
    return kept, lines._replace(rows=good, faults=faults)


def _data(columns: list[Values], contract: Contract) -> Any:
    if contract.input == "numbers":
        return np.ascontiguousarray(np.array(columns, dtype=np.float64).T) + 0.0
    return dict(zip(contract.feature_names, columns, strict=True))


def _text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise BodyMalformedError(f"The body is no CSV: line {line} is not UTF-8.") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BodyMalformedError(f"The body is no CSV: line {line} has a NUL.")
    return text


def _records(text: str) -> Iterator[_Record]:
    """Go through the records; a quoted cell may hold line breaks.

    Raises:
        BodyMalformedError: a quote or a line ends in a wrong place.
    """
    reader = csv.reader(StringIO(text, newline="\n"), strict=True)
    line = 1
    try:
        for cells in reader:
            yield _Record(line, cells or [""])
            line = reader.line_num + 1
    except csv.Error as error:
        reason = _RETURN if str(error).startswith("new-line") else error
        raise BodyMalformedError(f"The body is no CSV: {reason} (line {line}).") from error
