"""What the model answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from gatehouse_client.errors import AnswerError

Label = bool | int | float | str


@dataclass(frozen=True)
class Prediction:
    """The results of all rows, in their order, from one version of one model.

    Attributes:
        predictions: a label or a number a row; of a model with several targets a list of them.
        model: its name.
        version: that answered.
        request_ids: under which the gateway's logs know the requests, one for each part.
        probabilities: where asked for, one a class for each row; of a model with several targets
            such a list for each target of each row.
        classes: the order of the probabilities; of several targets a list for each.
        scores: of the decision function, where asked for: one or several numbers a row.
        targets: names of several targets; empty for one.
    """

    predictions: list[Label | list[Label]]
    model: str
    version: str
    request_ids: tuple[str, ...]
    probabilities: list[list[float]] | list[list[list[float]]] | None = None
    classes: list[Label] | list[list[Label]] | None = None
    scores: list[float | list[float]] | None = None
    targets: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.predictions)


def version_of(answer: Mapping[str, Any]) -> str:
    """Return which version gave *answer*."""
    return str(_member(_member(answer, "model"), "version"))


def joined(answers: Sequence[Mapping[str, Any]]) -> Prediction:
    """Join the answers to the parts of one input, which one version gave.

    Raises:
        AnswerError: an answer lacks a member.
    """
    first = answers[0]
    model = _member(first, "model")
    return Prediction(
        predictions=_chained(_member(answer, "predictions") for answer in answers),
        model=_member(model, "name"),
        version=version_of(first),
        request_ids=tuple(_member(answer, "request_id") for answer in answers),
        probabilities=_wished(answers, "probabilities"),
        classes=first.get("classes"),
        scores=_wished(answers, "scores"),
        targets=tuple(first.get("targets") or ()),
    )


def _wished(answers: Sequence[Mapping[str, Any]], name: str) -> list[Any] | None:
    if name not in answers[0]:
        return None
    return _chained(_member(answer, name) for answer in answers)


def _chained(lists: Iterable[Iterable[Any]]) -> list[Any]:
    return list(chain.from_iterable(lists))


def _member(answer: Mapping[str, Any], name: str) -> Any:
    try:
        return answer[name]
    except (KeyError, TypeError) as error:
        raise AnswerError(f"The answer has no {name!r}.") from error
