"""One predict call, from headers and body to status, headers and body. It knows no Flask."""

from __future__ import annotations

import logging
from dataclasses import replace
from time import perf_counter
from typing import Final

import orjson

from app.domain.access import Action, authorise
from app.domain.ports import FloatArray, Metrics
from app.domain.prediction import Result, ServedModel, feature_means, predict
from app.errors import FieldError, InputInvalidError, RequestError
from app.gate.admission import admit, authenticate
from app.gate.call import MODEL, SUBJECT, Answer, Call
from app.gate.decode import PredictBody, check_media_types, decode
from app.gate.problems import INTERNAL, problem, problem_of
from app.gate.services import Services

log = logging.getLogger("gatehouse.gate")
STEPS: Final = ("token", "limit", "read", "parse", "validate", "model", "record", "answer")


def answer(call: Call, services: Services) -> Answer:
    """Authenticate, admit, decode, predict, encode; every failure becomes a problem."""
    told: list[tuple[str, str]] = []
    try:
        return _predict(call, services, told)
    except RequestError as error:
        refusal = problem_of(error, path=call.path, request_id=call.request_id)
        return replace(refusal, headers=(*refusal.headers, *told))
    except Exception:
        log.exception("prediction failed", extra={"request_id": call.request_id})
        return problem(INTERNAL, detail=None, path=call.path, request_id=call.request_id)


def _predict(call: Call, services: Services, told: list[tuple[str, str]]) -> Answer:
    """Return the answer; what is left of the limit is put into *told* as soon as it is known."""
    times = [perf_counter()]
    principal = authenticate(call, services)
    times.append(perf_counter())
    told.extend(admit(services, principal))
    authorise(principal, Action.PREDICT, services.settings.allowed_roles)
    times.append(perf_counter())
    check_media_types(call)
    model = services.models.current()
    with services.readers.reading(principal.subject):
        raw = call.read_body(services.settings.server.max_request_bytes)
    times.append(perf_counter())
    body = decode(raw)
    times.append(perf_counter())
    matrix = _matrix(model, body)
    times.append(perf_counter())
    wanted = body.wants_probabilities
    result = predict(model, matrix, wanted, cache=services.cache, metrics=services.metrics)
    times.append(perf_counter())
    _record(model, matrix, result, services.metrics)
    times.append(perf_counter())
    sent = _body(model, result, call, services)
    times.append(perf_counter())
    contract = model.contract
    services.metrics.answered(
        model=contract.name, version=contract.version, seconds=times[-1] - times[0]
    )
    return Answer(
        status=200,
        headers=(*_headers(model, result, times), *told),
        body=sent,
        notes=((SUBJECT, principal.subject), (MODEL, f"{contract.name}/{contract.version}")),
    )


def _matrix(model: ServedModel, body: PredictBody) -> FloatArray:
    if body.wants_probabilities and not model.contract.outputs.has_probabilities:
        reason = "'probabilities': this model has none"
        raise InputInvalidError([FieldError(None, None, reason)])
    return model.reader.matrix(body.data)


def _record(model: ServedModel, matrix: FloatArray, result: Result, metrics: Metrics) -> None:
    metrics.cache(result.cache)
    metrics.features(
        model=model.contract.name,
        names=model.contract.feature_names,
        means=feature_means(matrix),
        outside=model.reader.outside_training(matrix),
    )


def _body(model: ServedModel, result: Result, call: Call, services: Services) -> bytes:
    """Put the parts that change with every request around the results."""
    contract = model.contract
    rest = {
        "model": {"name": contract.name, "version": contract.version},
        "request_id": call.request_id,
        "timestamp": services.now(),
    }
    tail = orjson.dumps(rest, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    return b"{" + result.fragment + b"," + tail[1:]


def _headers(model: ServedModel, result: Result, times: list[float]) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", "application/json"),
        ("X-Model-Version", model.contract.version),
        ("X-Cache", result.cache),
        ("Server-Timing", _timing(times)),
    )


def _timing(times: list[float]) -> str:
    """Return the steps in milliseconds as a ``Server-Timing`` header (W3C)."""
    spans = zip(STEPS, times, times[1:], strict=False)
    return ", ".join(f"{step};dur={(end - start) * 1e3:.4f}" for step, start, end in spans)
