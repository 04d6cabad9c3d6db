"""A prediction request whose body is an Arrow stream."""

from __future__ import annotations

from app.domain.contract import Contract
from app.gate.arrow.rows import read_rows
from app.gate.decode import PredictBody
from app.gate.room import Room
from app.gate.wishes import asked_in_query
from app.settings.schema import Settings


def decode_arrow(body: bytes, query: str, contract: Contract, settings: Settings) -> PredictBody:
    """Read the rows of *body*; what else is asked for stands in *query*.

    The rows are of shape (n_rows, n_features), NaN for null: ``RowReader.checked`` is next.

    Raises:
        BodyMalformedError: the body is no Arrow stream, or the query asks for something else.
        InputInvalidError: the columns are not those of the features.
        BodyTooLargeError: more rows than allowed, or longer texts.
    """
    asked = asked_in_query(query)
    room = Room.of(settings, contract)
    rows = read_rows(body, contract.features, room)
    return PredictBody(rows, asked.wish, is_in_order=True, skips=asked.skips)
