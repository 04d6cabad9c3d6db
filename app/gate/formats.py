"""How rows come in and results go out: one pair of functions for each media type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from app.domain.contract import Contract
from app.domain.prediction import Result, ServedModel
from app.gate.arrow.request import decode_arrow
from app.gate.arrow.scores import write_scores
from app.gate.call import Call
from app.gate.csv_form import CsvForm
from app.gate.csv_rows import decode_csv
from app.gate.decode import PredictBody, decode
from app.gate.entities import freshness
from app.gate.media import ARROW, CSV, JSON, NDJSON, names_its_columns, type_in, type_out
from app.gate.ndjson_rows import decode_ndjson
from app.gate.text_answers import with_gaps, write_csv, write_ndjson
from app.gate.wishes import asked_in_query
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
        has_reasons: whether it can say why a row has no answer.
    """

    media_type: str
    needs_scores: bool
    write: Callable[[Contract, Result, PredictBody, str, datetime], bytes]
    has_reasons: bool = True


def formats_of(call: Call) -> tuple[Reading, Writing]:
    """Return the ways that the headers of *call* name.

    Raises:
        MediaTypeUnsupportedError: no way in takes its body.
        NotAcceptableError: no way out is one that it takes.
    """
    return _READINGS[type_in(call)], _WRITINGS[type_out(call.accept)]


def _read_json(raw: bytes, _call: Call, _model: ServedModel, _settings: Settings) -> PredictBody:
    return decode(raw)


def _read_arrow(raw: bytes, call: Call, model: ServedModel, settings: Settings) -> PredictBody:
    return decode_arrow(raw, call.query, model.contract, settings)


def _read_csv(raw: bytes, call: Call, model: ServedModel, settings: Settings) -> PredictBody:
    named = names_its_columns(call.content_type)
    form = CsvForm(model.contract, named, settings.model.max_rows)
    return decode_csv(raw, asked_in_query(call.query), form)


def _read_ndjson(raw: bytes, call: Call, _: ServedModel, settings: Settings) -> PredictBody:
    return decode_ndjson(raw, asked_in_query(call.query), settings.model.max_rows)


def _write_json(
    contract: Contract, result: Result, body: PredictBody, request_id: str, now: datetime
) -> bytes:
    """Return the results, and after them what changes with each request."""
    rest: dict[str, object] = {
        "model": {"name": contract.name, "version": contract.version},
        "request_id": request_id,
        "timestamp": now,
    }
    if body.generation is not None:
        rest["features"] = freshness(body.generation, now)
    tail = orjson.dumps(rest, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    fragment = result.fragment if body.gaps is None else with_gaps(result.fragment, body.gaps)
    return b"{" + fragment + b"," + tail[1:]


def _write_arrow(
    contract: Contract, result: Result, body: PredictBody, request_id: str, _: datetime
) -> bytes:
    assert result.scores is not None  # noqa: S101  'needs_scores' sees to it
    wanted = body.wish.probabilities
    return write_scores(contract, result.scores, request_id, wants_probabilities=wanted)


def _write_csv(
    contract: Contract, result: Result, body: PredictBody, _id: str, _now: datetime
) -> bytes:
    return write_csv(contract, result.fragment, body.gaps)


def _write_ndjson(
    _: Contract, result: Result, body: PredictBody, _id: str, _now: datetime
) -> bytes:
    return write_ndjson(result.fragment, body.gaps)


def _most_bytes(settings: Settings) -> int:
    return settings.server.max_request_bytes


_READINGS: Final[Mapping[str, Reading]] = {
    JSON: Reading(_most_bytes, _read_json),
    ARROW: Reading(lambda settings: settings.server.max_arrow_bytes, _read_arrow),
    CSV: Reading(_most_bytes, _read_csv),
    NDJSON: Reading(_most_bytes, _read_ndjson),
}
_WRITINGS: Final[Mapping[str, Writing]] = {
    JSON: Writing(JSON, needs_scores=False, write=_write_json),
    ARROW: Writing(ARROW, needs_scores=True, write=_write_arrow, has_reasons=False),
    CSV: Writing(f"{CSV}; charset=utf-8; header=present", needs_scores=False, write=_write_csv),
    NDJSON: Writing(NDJSON, needs_scores=False, write=_write_ndjson),
}
