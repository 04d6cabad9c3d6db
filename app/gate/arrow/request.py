"""A prediction request whose body is an Arrow stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.domain.contract import Feature
from app.errors import BodyMalformedError
from app.gate.arrow.rows import read_rows
from app.gate.decode import PLAIN, WITH_PROBABILITIES, PredictBody
from app.settings.schema import Settings

_WISHES: Final = {
    "": PLAIN,
    "probabilities=false": PLAIN,
    "probabilities=true": WITH_PROBABILITIES,
}


def decode_arrow(
    body: bytes, query: str, features: Sequence[Feature], settings: Settings
) -> PredictBody:
    """Read the rows of *body*; the wish for probabilities stands in *query*.

    The rows are float64, shape (n_rows, n_features), NaN for null: ``RowReader.checked`` is next.

    Raises:
        BodyMalformedError: the body is no Arrow stream, or the query asks for something else.
        InputInvalidError: the columns are not those of the features.
        BodyTooLargeError: more rows than allowed.
    """
    if query not in _WISHES:
        raise BodyMalformedError("The query may be 'probabilities=true' or 'probabilities=false'.")
    rows = read_rows(
        body,
        features,
        max_rows=settings.model.max_arrow_rows,
        max_bytes=settings.server.max_arrow_bytes,
    )
    return PredictBody(rows, _WISHES[query], is_in_order=True)
