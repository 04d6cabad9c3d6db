"""Rows as CSV (RFC 4180), in UTF-8: lines of numbers all at once, anything else cell by cell."""

from __future__ import annotations

import csv
from itertools import pairwise
from typing import Final

import numpy as np

from app.domain.ports import FloatArray
from app.errors import InputInvalidError
from app.gate.bulk import read_bulk
from app.gate.csv_form import CsvForm
from app.gate.csv_records import cell_by_cell
from app.gate.decode import PredictBody
from app.gate.places import Places
from app.gate.wishes import Asked

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # spreadsheets write it
_NUMERIC: Final = b"0123456789.eE+- \t,\n"


def decode_csv(body: bytes, asked: Asked, form: CsvForm) -> PredictBody:
    """Read the rows of *body*: one cell for each feature, empty where its value is missing.

    Raises:
        BodyMalformedError: it is no CSV in UTF-8.
        InputInvalidError: the columns are not the features, there is no row, or a cell cannot be
            read and faulty rows are not skipped.
        BodyTooLargeError: there are more rows than are taken.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    rows = numbers_at_once(body, form) if form.contract.input == "numbers" else None
    if rows is None:
        return cell_by_cell(body, asked, form)
    first, n_rows = 1 + form.names_columns, len(rows)
    lines = Places(range(first, first + n_rows), range(n_rows))
    return PredictBody(rows, asked.wish, is_in_order=True, skips=asked.skips, places=lines)


def numbers_at_once(body: bytes, form: CsvForm) -> FloatArray | None:
    """Return rows of nothing but numbers and gaps, None for what must be looked at closely.

    Digits and commas become arrays of JSON, between which there is nothing else to find.

    Returns:
        float64, shape (n_rows, n_features), in the order of the features, NaN for an empty cell.
    """
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    head, _, rest = body.partition(b"\n") if form.names_columns else (b"", b"", body)
    rest = rest.removesuffix(b"\n")
    if not rest or rest.translate(None, _NUMERIC) or rest.count(b"\n") >= form.max_rows:
        return None
    try:
        names = next(csv.reader([head.decode()], strict=True)) if form.names_columns else None
        order = form.order(names)
    except (csv.Error, UnicodeDecodeError, InputInvalidError):
        return None
    text = b'{"data":[[' + rest.replace(b"\n", b"],[") + b"]]}"
    bulk = read_bulk(text) or read_bulk(_with_nulls(text))
    if bulk is None or bulk[0].shape[1] != len(order):
        return None
    rows = bulk[0] + 0.0  # JSON has no negative zero without a point, so there is none at all
    return rows if order == [*range(len(order))] else np.take(rows, order, axis=1)


def _with_nulls(text: bytes) -> bytes:
    """Return arrays of JSON with null where there is nothing between two marks."""
    marks = np.frombuffer(text, np.uint8)
    left, right = marks[:-1], marks[1:]
    opens, closes = (
        (left == ord("[")) | (left == ord(",")),
        (right == ord("]")) | (right == ord(",")),
    )
    places = np.flatnonzero(opens & closes) + 1
    return b"null".join([text[i:j] for i, j in pairwise([0, *places.tolist(), len(text)])])
