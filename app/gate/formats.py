"""How rows come in and results go out: one pair of functions for each media type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import orjson

from app.domain.contract import Contract
from app.domain.prediction import Result, ServedModel
from app.gate.arrow.request import decode_arrow
from app.gate.arrow.scores import write_scores
from app.gate.call import Call
from app.gate.decode import (
    ARROW,
    JSON,
    PredictBody,
    check_media_types,
    comes_in_arrow,
    decode,
    goes_out_in_arrow,
)
from app.settings.schema import Settings


class Reading(NamedTuple):
    """A way in.

    Attributes:
        most_bytes: of a body.
        read: body, call and model to what was asked; raises RequestError.
    """

    most_bytes: Callable[[Settings], int]
    read: Callable[[bytes, Call, ServedModel, Settings], PredictBody]


class Writing(NamedTuple):
    """A way out.

    Attributes:
        media_type: of the answer.
        needs_scores: whether it is made of the engine's scores; a remembered answer has none.
        write: contract, result, what was asked, the request's id and the time to a body.
    """

    media_type: str
    needs_scores: bool
    write: Callable[[Contract, Result, PredictBody, str, datetime], bytes]


def formats_of(call: Call) -> tuple[Reading, Writing]:
    """Return the ways that the headers of *call* name.

    Raises:
        MediaTypeUnsupportedError: no way in takes its body.
        NotAcceptableError: no way out is one that it takes.
    """
    check_media_types(call)
    reading = _FROM_ARROW if comes_in_arrow(call) else _FROM_JSON
    return reading, _TO_ARROW if goes_out_in_arrow(call) else _TO_JSON


def _read_json(raw: bytes, _call: Call, _model: ServedModel, _settings: Settings) -> PredictBody:
    return decode(raw)


def _read_arrow(raw: bytes, call: Call, model: ServedModel, settings: Settings) -> PredictBody:
    return decode_arrow(raw, call.query, model.contract.features, settings)


def _write_json(
    contract: Contract, result: Result, _: PredictBody, request_id: str, now: datetime
) -> bytes:
    """Return the results, and after them what changes with each request."""
    rest = {
        "model": {"name": contract.name, "version": contract.version},
        "request_id": request_id,
        "timestamp": now,
    }
    tail = orjson.dumps(rest, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    return b"{" + result.fragment + b"," + tail[1:]


def _write_arrow(
    contract: Contract, result: Result, body: PredictBody, request_id: str, _: datetime
) -> bytes:
    assert result.scores is not None  # noqa: S101  'needs_scores' sees to it
    wanted = body.wish.probabilities
    return write_scores(contract, result.scores, request_id, wants_probabilities=wanted)


_FROM_JSON = Reading(lambda settings: settings.server.max_request_bytes, _read_json)
_FROM_ARROW = Reading(lambda settings: settings.server.max_arrow_bytes, _read_arrow)
_TO_JSON = Writing(JSON, needs_scores=False, write=_write_json)
_TO_ARROW = Writing(ARROW, needs_scores=True, write=_write_arrow)
