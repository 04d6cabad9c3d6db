"""One predict call, from headers and body to status, headers and body. It knows no Flask."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Final, NamedTuple, cast

from app.domain.access import Action, Principal
from app.domain.audit import Evidence
from app.domain.ports import FloatArray, Metrics
from app.domain.prediction import Result, ServedModel, feature_means, predict
from app.errors import FieldError, InputInvalidError, RequestError
from app.gate.admission import Headers, Ticket, admit, authenticate, charge_rows
from app.gate.call import EVIDENCE, MODEL, SUBJECT, Answer, Call
from app.gate.decode import PredictBody
from app.gate.formats import Writing, formats_of
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


class _Entry(NamedTuple):
    """Who came in, and on which ticket."""

    principal: Principal
    ticket: Ticket


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
    name = visit.call.model or services.models.default_name
    services.turns.check(principal.subject, services.models.queue(name))
    visit.notes[SUBJECT] = principal.subject
    visit.passed()
    ticket = admit(services, principal, name)
    visit.headers = ticket.headers
    try:
        services.rules.current().authorise(principal, Action.PREDICT, name)
        visit.passed()
        return _predict(visit, _Entry(principal, ticket))
    finally:
        ticket.release(services)


def _predict(visit: _Visit, entry: _Entry) -> Answer:
    call, services, subject = visit.call, visit.services, entry.principal.subject
    reading, writing = formats_of(call)
    model = services.models.find(call.model, call.version)
    contract = model.contract
    visit.notes[MODEL] = f"{contract.name}/{contract.version}"
    with services.readers.reading(subject):
        raw = call.read_body(reading.most_bytes(services.settings))
    with services.turns.taken(subject, len(raw), visit.times[0]):
        visit.passed()
        body = reading.read(raw, call, model, services.settings)
        visit.passed()
        return _scored(visit, entry, model, body, writing)


def _scored(
    visit: _Visit, entry: _Entry, model: ServedModel, body: PredictBody, writing: Writing
) -> Answer:
    call, services, times = visit.call, visit.services, visit.times
    contract = model.contract
    matrix = _matrix(model, body)
    charge_rows(services, entry.principal, contract.name, len(matrix), entry.ticket)
    visit.passed()
    cache = None if writing.needs_scores else services.cache
    result = predict(model, matrix, body.wish, cache=cache, metrics=services.metrics)
    visit.passed()
    _record(model, matrix, result, services.metrics)
    visit.passed()
    sent = writing.write(contract, result, body, call.request_id, services.now())
    visit.passed()
    seconds = times[-1] - times[0]
    services.metrics.answered(model=contract.name, version=contract.version, seconds=seconds)
    visit.notes[EVIDENCE] = Evidence(contract, matrix, result.fragment)
    headers = (*_headers(writing.media_type, model, result, times), *visit.headers)
    return Answer(200, headers, sent, (*visit.notes.items(),))


def _matrix(model: ServedModel, body: PredictBody) -> FloatArray:
    if body.wish.probabilities and not model.contract.outputs.has_probabilities:
        reason = "'probabilities': this model has none"
        raise InputInvalidError([FieldError(None, None, reason)])
    if body.is_in_order:
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
