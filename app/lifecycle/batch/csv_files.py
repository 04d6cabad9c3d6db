"""CSV by stretches of whole records, with a header; what cannot be read is told row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from app.errors import OperatorError
from app.lifecycle.batch.cells import legible, mended
from app.lifecycle.batch.extents import Block, Extent, Layout, Refused, Wanted
from app.lifecycle.batch.inputs import InputFile, opened

_EXTENT_BYTES: Final = 2**21
_LONGEST_RECORD_BYTES: Final = 2**28
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # spreadsheets write it
_BLANK: Final = re.compile(rb"^\r?\n", re.MULTILINE)
_QUOTE: Final = b'"'
_LINE_FEED: Final = ord("\n")


def layout(file: InputFile) -> Layout:
    """Return the columns of *file*, all of them text, and extents of whole records."""
    with opened(file) as source:
        head, extents = b"", []
        for start, records in _stretches(source, file):
            body = records
            if not start:
                head, body = _header(records)
            first = start + len(records) - len(body)
            if body:
                extents.append(Extent(first, start + len(records), _count(body)))
    return Layout(pa.schema([(name, pa.string()) for name in _names(head, file)]), extents)


def read(file: InputFile, extents: Sequence[Extent], wanted: Wanted) -> Iterator[Block]:
    """Give the rows of these extents, one block for each.

    Raises:
        OperatorError: it does not hold the rows that were counted.
    """
    first, width = wanted.first_row, len(wanted.names)
    with opened(file) as source:
        for extent in extents:
            source.seek(extent.start)
            records = source.read(extent.stop - extent.start)
            bad: list[Any] = []
            batch, faults = _parsed(records, wanted, bad)
            if batch.num_rows + len(bad) != extent.n_rows:
                raise OperatorError(
                    f"{file.shown}: cannot be told row from row near byte {extent.start}. Fix: "
                    "quote cells as RFC 4180 says, and end lines with LF or CRLF"
                )
            places = [it.number - 1 for it in bad]
            rows = np.delete(np.arange(first, first + extent.n_rows), places)
            unreadable = [
                Refused(first + it.number - 1, None, _ragged(it.actual_columns, width))
                for it in bad
            ]
            yield Block(batch, rows, unreadable, faults)
            first += extent.n_rows


def _names(head: bytes, file: InputFile) -> list[str]:
    try:
        return next(csv.reader([head.removeprefix(_BYTE_ORDER_MARK).decode()]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(
            f"{file.shown}: its first line cannot be read as names of columns. Fix: save it as "
            "UTF-8, with lines that end in LF or CRLF"
        ) from error


def _ragged(found: int, wanted: int) -> str:
    return f"has {found} cells; {wanted} are needed"


def _parsed(
    records: bytes, wanted: Wanted, bad: list[Any]
) -> tuple[pa.RecordBatch, Sequence[Refused]]:
    """Return the wanted cells; one that is no number is found in a second look."""
    text = legible(records)
    try:
        batch = _batch(text, wanted, dict.fromkeys(wanted.numbers, pa.float64()), bad)
    except pa.ArrowInvalid:
        bad.clear()
        return mended(_batch(text, wanted, {}, bad), wanted.numbers)
    return (batch, ()) if text is records else mended(batch, {})


def _batch(
    records: bytes, wanted: Wanted, types: Mapping[str, pa.DataType], bad: list[Any]
) -> pa.RecordBatch:
    """Return the wanted cells of whole *records*; rows of another length go to *bad*."""

    def skip(row: Any) -> str:
        bad.append(row)
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(records),
        read_options=arrow_csv.ReadOptions(
            column_names=[*wanted.names], use_threads=False, block_size=max(len(records), 1)
        ),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: types.get(name, pa.string()) for name in wanted.columns},
            include_columns=[*wanted.columns],
            null_values=[""],
            strings_can_be_null=True,
            check_utf8=False,  # it is legible already
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)


def _stretches(source: Any, file: InputFile) -> Iterator[tuple[int, bytes]]:
    """Go through a file in stretches of about two megabytes, each with its first byte's place."""
    start, pending, n_pending, is_quoted = 0, list[bytes](), 0, False
    while more := source.read(_EXTENT_BYTES):
        end = _last_end(more, is_quoted)
        is_quoted ^= more.count(_QUOTE) % 2 == 1
        if end:
            records = b"".join([*pending, more[:end]])
            yield start, records
            start, pending, n_pending = start + len(records), [], 0
        pending.append(more[end:])
        n_pending += len(more) - end
        if n_pending > _LONGEST_RECORD_BYTES:
            break
    if is_quoted or n_pending > _LONGEST_RECORD_BYTES:
        what = "a quote is opened and not closed" if is_quoted else "no line ends"
        raise OperatorError(
            f"{file.shown}: {what}, after byte {start}. Fix: write a quote within a cell twice, as "
            'in "a ""b"" c", and end lines with LF or CRLF'
        )
    if n_pending:
        yield start, b"".join(pending)


def _last_end(data: bytes, is_quoted: bool) -> int:  # noqa: FBT001  it says a fact
    """Return where the last whole record of *data* ends, which may begin within quotes."""
    if _QUOTE not in data:
        return 0 if is_quoted else data.rfind(b"\n") + 1
    seen = np.frombuffer(data, np.uint8)
    ends, quotes = np.flatnonzero(seen == _LINE_FEED), np.flatnonzero(seen == ord(_QUOTE))
    whole = ends[(np.searchsorted(quotes, ends) + is_quoted) % 2 == 0]
    return int(whole[-1]) + 1 if len(whole) else 0


def _header(records: bytes) -> tuple[bytes, bytes]:
    """Return the first record and what follows."""
    start = n_quotes = 0
    while end := records.find(b"\n", start) + 1:
        n_quotes += records.count(_QUOTE, start, end)
        if n_quotes % 2 == 0:
            return records[:end], records[end:]
        start = end
    return records, b""


def _count(records: bytes) -> int:
    """Return how many *records* there are; a blank line is none."""
    if _QUOTE in records:
        records = b"x".join(records.split(_QUOTE)[::2])  # only what stands outside of quotes
    if not records.endswith(b"\n"):
        records += b"\n"
    n_blank = 0
    if records[:1] in b"\r\n" or b"\n\n" in records or b"\n\r\n" in records:
        n_blank = len(_BLANK.findall(records))
    return records.count(b"\n") - n_blank
