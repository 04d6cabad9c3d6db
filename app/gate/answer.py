"""One predict call, from headers and body to status, headers and body. It knows no Flask."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Final, NamedTuple

from app.domain.access import Action, Principal
from app.domain.audit import Evidence
from app.domain.ports import Matrix, Metrics
from app.domain.prediction import Result, ServedModel, feature_means, predict
from app.domain.shadow import Answered
from app.domain.traffic import Caller
from app.errors import BodyMalformedError, InputInvalidError, RequestError
from app.gate.admission import Headers, Ticket, admit, authenticate, charge_rows
from app.gate.call import EVIDENCE, MODEL, SUBJECT, Answer, Call
from app.gate.decode import PredictBody
from app.gate.entities import looked_up, refuse_unknown
from app.gate.formats import Reading, Writing, formats_of
from app.gate.problems import INTERNAL, problem, problem_of
from app.gate.services import Services
from app.gate.text_answers import without_rows
from app.gate.validate import validated

log = logging.getLogger("gatehouse.gate")
FormatsOf = Callable[[Call], tuple[Reading, Writing]]
STEPS: Final = ("token", "limit", "read", "parse", "validate", "model", "record", "answer")
_VALIDATED: Final = STEPS.index("model")
_SCORED: Final = _VALIDATED + 1
_NO_REASONS: Final = "'on_error' may not be 'skip' where the answer is Arrow: it has no reasons."
_TIMING: Final = ", ".join(f"{step};dur=%.4f" for step in STEPS)


@dataclass(slots=True)
class _Visit:
    """One request on its way: what is known of it so far, which a refusal tells too."""

    call: Call
    services: Services
    formats_of: FormatsOf
    headers: Headers = ()
    notes: dict[str, object] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)

    def passed(self) -> None:
        """Note the time: another step is done."""
        self.times.append(perf_counter())


class _Entry(NamedTuple):
    """Who came in, on which ticket, and for which model; None where no default was loaded yet."""

    principal: Principal
    ticket: Ticket
    model: str | None


def answer(call: Call, services: Services, formats_of: FormatsOf = formats_of) -> Answer:
    """Authenticate, admit, decode, predict, encode; every failure becomes a problem.

    Args:
        call: the request.
        services: of this worker.
        formats_of: returns the ways in and out that a call names; another protocol has its own.
    """
    visit = _Visit(call, services, formats_of)
    try:
        return _admitted(visit)
    except RequestError as error:
        if isinstance(error, InputInvalidError):
            _tell_failure(visit)
        found = problem_of(error, path=call.path, request_id=call.request_id)
    except Exception:
        _tell_failure(visit)
        log.exception("prediction failed", extra={"request_id": call.request_id})
        found = problem(INTERNAL, detail=None, path=call.path, request_id=call.request_id)
    notes = (*found.notes, *visit.notes.items())
    told = {name for name, _ in found.headers}
    rest = [header for header in visit.headers if header[0] not in told]
    if MODEL in visit.notes:
        name, _, version = str(visit.notes[MODEL]).partition("/")
        services.metrics.unanswered(model=name, version=version, status=found.status)
    return found._replace(headers=(*found.headers, *rest), notes=notes)


def _tell_failure(visit: _Visit) -> None:
    """Let the judge of a canary know, where the model had the validated rows already."""
    call = visit.call
    if len(visit.times) <= _VALIDATED or call.version is not None:
        return
    judge = visit.services.models.shadow(call.model)
    if judge is not None:
        judge.failed(str(visit.notes[MODEL]).rpartition("/")[2])


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
        return _predict(visit, _Entry(principal, ticket, name))
    finally:
        ticket.release(services)


def _predict(visit: _Visit, entry: _Entry) -> Answer:
    call, services, subject = visit.call, visit.services, entry.principal.subject
    reading, writing = visit.formats_of(call)
    model = services.models.find(call.model, call.version, Caller(subject, call.header))
    contract = model.contract
    if contract.name != entry.model:  # the default has changed meanwhile
        services.rules.current().authorise(entry.principal, Action.PREDICT, contract.name)
    visit.notes[MODEL] = f"{contract.name}/{contract.version}"
    with services.readers.reading(subject):
        raw = call.read_body(reading.most_bytes(services.settings))
    with services.turns.taken(subject, len(raw), visit.times[0]) as turn:
        visit.passed()
        body = reading.read(raw, call, model, services.settings)
        if body.skips and not writing.has_reasons:
            raise BodyMalformedError(_NO_REASONS)
        if body.skips:
            turn.sift()
        visit.passed()
        if body.entities is not None:
            body = looked_up(body, model.contract, services)
        return _scored(visit, entry, model, body, writing)


def _scored(
    visit: _Visit, entry: _Entry, model: ServedModel, body: PredictBody, writing: Writing
) -> Answer:
    call, services, times = visit.call, visit.services, visit.times
    contract = model.contract
    matrix, body = _paid(services, entry, model, body)
    visit.passed()
    cache = None if writing.needs_scores else services.cache
    if len(matrix):
        result = predict(model, matrix, body.wish, cache=cache, metrics=services.metrics)
    else:
        result = Result(without_rows(contract, body.wish), "bypass")
    visit.passed()
    _record(model, matrix, result, services.metrics)
    visit.passed()
    sent = writing.write(contract, result, body, call.request_id, services.now())
    visit.passed()
    seconds = times[-1] - times[0]
    services.metrics.answered(model=contract.name, version=contract.version, seconds=seconds)
    visit.notes[EVIDENCE] = Evidence(contract, matrix, result.fragment)
    services.drift.observe(model, matrix, result)
    shadow = services.models.shadow(call.model)
    if shadow is not None and len(matrix):
        who = (call.request_id, entry.principal.subject, call.address, call.version is not None)
        shadow.offer(Answered(model, matrix, result, times[_SCORED] - times[_VALIDATED], *who))
    headers = (*_headers(writing.media_type, model, result, times), *visit.headers)
    return Answer(200, headers, sent, (*visit.notes.items(),))


def _paid(
    services: Services, entry: _Entry, model: ServedModel, body: PredictBody
) -> tuple[Matrix, PredictBody]:
    """Return the rows that the model answers; those of entities are paid for in any case.

    What is wrong with an entity tells something of it, and that there is one.
    """
    spend = partial(charge_rows, services, entry.principal, model.contract.name)
    if body.places is not None and body.places.unit == "entity":
        spend(len(body.places.starts), entry.ticket)
        refuse_unknown(body)
        return validated(model, body)
    matrix, body = validated(model, body)
    spend(len(matrix) if body.gaps is None else body.gaps.n_rows, entry.ticket)
    return matrix, body


def _record(model: ServedModel, matrix: Matrix, result: Result, metrics: Metrics) -> None:
    metrics.cache(result.cache)
    if not len(matrix):
        return
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
        ("X-Model", model.contract.name),
        ("X-Model-Version", model.contract.version),
        ("X-Cache", result.cache),
        ("Server-Timing", _timing(times)),
    )


def _timing(times: list[float]) -> str:
    """Return the steps in milliseconds as a ``Server-Timing`` header (W3C)."""
    return _TIMING % tuple([(end - start) * 1e3 for start, end in pairwise(times)])
