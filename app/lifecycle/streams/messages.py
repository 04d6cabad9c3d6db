"""One message of a stream: bytes to features or a fault, scores to the object that goes out.

``{"features": [0.1, …]}``, or ``{"features": {"age": 41, …}}`` by name, or, for a model of texts,
``{"features": "good day"}``. An ``id`` comes back as it is, other members under ``context``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from app.domain.contract import Contract
from app.domain.ports import Scores
from app.domain.prediction import ServedModel
from app.errors import FieldError, InputInvalidError
from app.gate.decode import loads
from app.lifecycle.scoring import score

_FORMS: Final = (list, dict, str)
_LONGEST_NAME: Final = 200
_log = logging.getLogger(__name__)
Output = dict[str, Any]


class Fault(NamedTuple):
    """Why a message gets no answer."""

    reason: str


class Message(NamedTuple):
    """What one message holds.

    Attributes:
        features: a list, an object or a text; whether it keeps a contract is still open.
        echo: the members that come back with the answer.
    """

    features: Any
    echo: Output


def read(text: bytes | None) -> Message | Fault:
    """Return what *text* holds; None is a message of Kafka without a value."""
    if text is None:
        return Fault("has no value")
    try:
        members = loads(text)
    except orjson.JSONDecodeError as error:
        return Fault(f"is not JSON: {error.msg} at character {error.pos}")
    if type(members) is not dict or "features" not in members:
        return Fault("must be an object with 'features'")
    features = members["features"]
    if type(features) not in _FORMS:
        return Fault("'features' must be a list or an object")
    twice = _name_that_stands_twice(text, members)
    if twice is not None:
        return Fault(f"{twice!r} stands twice")
    echo = {"id": members["id"]} if "id" in members else {}
    context = {name: it for name, it in members.items() if name not in {"features", "id"}}
    if context:
        echo["context"] = context
    return Message(features, echo) if _can_be_written(echo) else Fault("nests too deep")


def answered(
    model: ServedModel, texts: Sequence[bytes | None], *, with_probabilities: bool = False
) -> list[Output | Fault]:
    """Return the answer to each of *texts*, or why there is none, in their order.

    All that have their features in one form are scored in one call.
    """
    found: list[Output | Fault] = [Fault("")] * len(texts)
    by_form: dict[type, list[tuple[int, Message]]] = {}
    for place, text in enumerate(texts):
        message = read(text)
        if isinstance(message, Fault):
            found[place] = message
        else:
            by_form.setdefault(type(message.features), []).append((place, message))
    common = {
        "model": model.contract.name,
        "version": model.contract.version,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    for numbered in by_form.values():
        messages = [message for _, message in numbered]
        features = [it.features for it in messages]
        rows = _answers(model, features, with_probabilities=with_probabilities)
        for (place, message), row in zip(numbered, rows, strict=True):
            if isinstance(row, Fault):
                found[place] = row
            else:
                found[place] = message.echo | row | common
    return found


def _answers(
    model: ServedModel, rows: list[Any], *, with_probabilities: bool
) -> list[Output | Fault]:
    """Return what each of *rows* gets, all of one form."""
    try:
        scored = score(model, rows)
    except Exception as error:  # noqa: BLE001  a model may raise anything
        if len(rows) == 1:
            return [_fault_of(error, model)]
    else:
        found: list[Output | Fault] = [Fault("")] * len(rows)
        for fault in scored.faults:
            found[fault.row or 0] = _fault(fault)
        outputs = _outputs(model.contract, scored.scores, with_probabilities=with_probabilities)
        for place, output in zip(scored.kept, outputs, strict=True):
            found[place] = output
        return found
    singly = (_answers(model, [row], with_probabilities=with_probabilities) for row in rows)
    return [*chain.from_iterable(singly)]


def _fault_of(error: Exception, model: ServedModel) -> Fault:
    """Return what *error* says of the only row that was scored.

    Raises:
        Exception: it is *error*, and the model answers no other row either.
    """
    if isinstance(error, InputInvalidError):
        return _fault(error.faults[0])
    if not isinstance(error, ValueError):  # which is how most models refuse
        if not _still_answers(model):
            raise error
        _log.warning("model failed on a message", exc_info=error)
    return Fault("the model refuses these values, although they keep its contract")


def _still_answers(model: ServedModel) -> bool:
    """Say whether the row was to blame: a model that is broken must not reject all of them."""
    try:
        return score(model, [[*model.contract.example_row]]).scores is not None
    except Exception:  # noqa: BLE001  whatever it is, the caller raises its own
        return False


def _fault(fault: FieldError) -> Fault:
    return Fault(fault.reason if fault.feature is None else f"{fault.feature}: {fault.reason}")


def _outputs(
    contract: Contract, scores: Scores | None, *, with_probabilities: bool
) -> Iterable[Output]:
    """Return the answer to each row; with several targets each member has an item for each."""
    if scores is None:
        return ()
    outputs = contract.outputs
    constant: Output = {}
    if outputs.targets:
        constant["targets"] = [target.name for target in outputs.targets]
    shares = scores.probabilities if with_probabilities else None
    if shares is None:
        return ({"prediction": it, **constant} for it in scores.predictions.tolist())
    several = [target.classes for target in outputs.targets]
    constant["classes"] = several or outputs.classes
    by_row = (
        shares.tolist()
        if isinstance(shares, np.ndarray)
        else zip(*(it.tolist() for it in shares), strict=True)
    )
    return (
        {"prediction": prediction, "probabilities": row, **constant}
        for prediction, row in zip(scores.predictions.tolist(), by_row, strict=True)
    )


def _can_be_written(echo: Output) -> bool:
    """Say whether orjson writes what it has read: it reads deeper than it writes."""
    try:
        orjson.dumps(echo)
    except TypeError:
        return False
    return True


def _name_that_stands_twice(text: bytes, members: Output) -> str | None:
    """Return a name that stands twice in the JSON *text*, of which orjson took the second.

    A string stands in two quotes: as many as what was read explains mean that nothing was left
    out. Only when they differ is the text read again, by a reader that sees every name.
    """
    features = members["features"]
    strings = [*members, *members.values()]
    if type(features) is dict:
        strings += [*features, *features.values()]
    elif type(features) is list:
        strings += features
    if b"\\" not in text and text.count(b'"') == 2 * sum([type(it) is str for it in strings]):
        return None
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> Output:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                twice.append(name)
            seen.add(name)
        return {}

    try:
        json.loads(text, object_pairs_hook=look, parse_int=float)
    except RecursionError:
        return None  # what nests so deep is refused for that
    return twice[0][:_LONGEST_NAME] if twice else None
