"""One predict call, from headers and body to status, headers and body. It knows no Flask."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Final, cast

import orjson

from app.domain.access import Action, Principal
from app.domain.audit import Evidence
from app.domain.ports import FloatArray, Metrics
from app.domain.prediction import Result, ServedModel, feature_means, predict
from app.errors import FieldError, InputInvalidError, RequestError
from app.gate.admission import Headers, Ticket, admit, authenticate, charge_rows
from app.gate.arrow.request import decode_arrow
from app.gate.arrow.scores import write_scores
from app.gate.call import EVIDENCE, MODEL, SUBJECT, Answer, Call
from app.gate.decode import (
    ARROW,
    JSON,
    PredictBody,
    check_media_types,
    comes_in_arrow,
    decode,
    goes_out_in_arrow,
)
from app.gate.problems import INTERNAL, problem, problem_of
from app.gate.services import Services

log = logging.getLogger("gatehouse.gate")
STEPS: Final = ("token", "limit", "read", "parse", "validate", "model", "record", "answer")
_TIMING: Final = ", ".join(f"{step};dur=%.4f" for step in STEPS)


@dataclass(slots=True)
class _Visit:
    """One request on its way: what is known of it so far, which a refusal tells too."""

    call: Call
    services: Services
    headers: Headers = ()
    notes: dict[str, object] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)

    def passed(self) -> None:
        """Note the time: another step is done."""
        self.times.append(perf_counter())


def answer(call: Call, services: Services) -> Answer:
    """Authenticate, admit, decode, predict, encode; every failure becomes a problem."""
    visit = _Visit(call, services)
    try:
        return _admitted(visit)
    except RequestError as error:
        found = problem_of(error, path=call.path, request_id=call.request_id)
    except Exception:
        log.exception("prediction failed", extra={"request_id": call.request_id})
        found = problem(INTERNAL, detail=None, path=call.path, request_id=call.request_id)
    notes = (*found.notes, *visit.notes.items())
    told = {name for name, _ in found.headers}
    rest = [header for header in visit.headers if header[0] not in told]
    return found._replace(headers=(*found.headers, *rest), notes=notes)


def _admitted(visit: _Visit) -> Answer:
    """Hold the request's place until it is answered."""
    services = visit.services
    visit.passed()
    principal = authenticate(visit.call, services)
    # Before the subject is noted: what is refused for want of time is no matter for the audit log.
    services.turns.check(principal.subject, services.models.queue)
    visit.notes[SUBJECT] = principal.subject
    visit.passed()
    name = services.models.default_name
    ticket = admit(services, principal, name)
    visit.headers = ticket.headers
    try:
        services.rules.current().authorise(principal, Action.PREDICT, name)
        visit.passed()
        return _predict(visit, principal, ticket)
    finally:
        ticket.release(services)


def _predict(visit: _Visit, principal: Principal, ticket: Ticket) -> Answer:
    call, services = visit.call, visit.services
    check_media_types(call)
    model = services.models.current()
    contract = model.contract
    visit.notes[MODEL] = f"{contract.name}/{contract.version}"
    with services.readers.reading(principal.subject):
        raw = _read(call, services)
    with services.turns.taken(principal.subject):
        return _scored(visit, principal, ticket, model, raw)


def _scored(
    visit: _Visit, principal: Principal, ticket: Ticket, model: ServedModel, raw: bytes
) -> Answer:
    call, services, times = visit.call, visit.services, visit.times
    contract = model.contract
    visit.passed()
    body = _decoded(raw, call, model, services)
    visit.passed()
    matrix = _matrix(model, body, call)
    charge_rows(services, principal, contract.name, len(matrix), ticket)
    visit.passed()
    wanted = body.wants_probabilities
    cache = None if goes_out_in_arrow(call) else services.cache  # it remembers JSON
    result = predict(model, matrix, wanted, cache=cache, metrics=services.metrics)
    visit.passed()
    _record(model, matrix, result, services.metrics)
    visit.passed()
    media_type, sent = _encoded(model, result, wanted, call, services)
    visit.passed()
    seconds = times[-1] - times[0]
    services.metrics.answered(model=contract.name, version=contract.version, seconds=seconds)
    visit.notes[EVIDENCE] = Evidence(contract, matrix, result.fragment)
    headers = (*_headers(media_type, model, result, times), *visit.headers)
    return Answer(200, headers, sent, (*visit.notes.items(),))


def _read(call: Call, services: Services) -> bytes:
    server = services.settings.server
    most = server.max_arrow_bytes if comes_in_arrow(call) else server.max_request_bytes
    return call.read_body(most)


def _decoded(raw: bytes, call: Call, model: ServedModel, services: Services) -> PredictBody:
    if comes_in_arrow(call):
        return decode_arrow(raw, call.query, model.contract.features, services.settings)
    return decode(raw)


def _matrix(model: ServedModel, body: PredictBody, call: Call) -> FloatArray:
    if body.wants_probabilities and not model.contract.outputs.has_probabilities:
        reason = "'probabilities': this model has none"
        raise InputInvalidError([FieldError(None, None, reason)])
    if comes_in_arrow(call):
        return model.reader.checked(cast("FloatArray", body.data))
    return model.reader.matrix(body.data)


def _record(model: ServedModel, matrix: FloatArray, result: Result, metrics: Metrics) -> None:
    metrics.cache(result.cache)
    metrics.features(
        model=model.contract.name,
        names=model.contract.feature_names,
        means=feature_means(matrix),
        outside=model.reader.outside_training(matrix),
    )


def _encoded(
    model: ServedModel,
    result: Result,
    wanted: bool,  # noqa: FBT001  a kind of output
    call: Call,
    services: Services,
) -> tuple[str, bytes]:
    """Return media type and bytes of the answer: the results and what changes with each request."""
    contract = model.contract
    if result.scores is not None and goes_out_in_arrow(call):
        wide = write_scores(contract, result.scores, call.request_id, wants_probabilities=wanted)
        return ARROW, wide
    rest = {
        "model": {"name": contract.name, "version": contract.version},
        "request_id": call.request_id,
        "timestamp": services.now(),
    }
    tail = orjson.dumps(rest, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    return JSON, b"{" + result.fragment + b"," + tail[1:]


def _headers(
    media_type: str, model: ServedModel, result: Result, times: list[float]
) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", media_type),
        ("X-Model-Version", model.contract.version),
        ("X-Cache", result.cache),
        ("Server-Timing", _timing(times)),
    )


def _timing(times: list[float]) -> str:
    """Return the steps in milliseconds as a ``Server-Timing`` header (W3C)."""
    return _TIMING % tuple([(end - start) * 1e3 for start, end in pairwise(times)])
