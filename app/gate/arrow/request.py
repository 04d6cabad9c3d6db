"""A prediction request whose body is an Arrow stream."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.contract import Feature
from app.gate.arrow.rows import read_rows
from app.gate.decode import PredictBody
from app.gate.wishes import asked_in_query
from app.settings.schema import Settings


def decode_arrow(
    body: bytes, query: str, features: Sequence[Feature], settings: Settings
) -> PredictBody:
    """Read the rows of *body*; what else is asked for stands in *query*.

    The rows are of shape (n_rows, n_features), NaN for null: ``RowReader.checked`` is next.

    Raises:
        BodyMalformedError: the body is no Arrow stream, or the query asks for something else.
        InputInvalidError: the columns are not those of the features.
        BodyTooLargeError: more rows than allowed, or longer texts.
    """
    asked = asked_in_query(query)
    rows = read_rows(
        body,
        features,
        max_rows=settings.model.max_arrow_rows,
        max_bytes=settings.server.max_arrow_bytes,
    )
    return PredictBody(rows, asked.wish, is_in_order=True, skips=asked.skips)
