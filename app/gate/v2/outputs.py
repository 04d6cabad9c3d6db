"""Which output tensors a model has, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from app.domain.contract import Contract, Target, Value
from app.domain.prediction import Wish
from app.errors import BodyMalformedError
from app.gate.v2.datatypes import BOOL, BYTES, FP64, INT64
from app.gate.v2.request import Wanted

_UNKNOWN_WIDTH: Final = -1
_DATATYPES: Final[dict[type, str]] = {bool: BOOL, int: INT64, float: FP64}
# What scikit-learn's own methods are called, for clients that know those names.
_OTHER_NAMES: Final = {
    "predictions": "predict",
    "predict_proba": "probabilities",
    "decision_function": "scores",
}


class Output(NamedTuple):
    """One output tensor, shape [rows, n_columns].

    Attributes:
        what: it holds.
        target: which of several; None for the only one, or for all of them.
    """

    name: str
    datatype: str
    n_columns: int
    what: Literal["predictions", "probabilities", "scores"]
    target: int | None = None


def outputs_of(contract: Contract) -> tuple[Output, ...]:
    """Return what a model of *contract* answers when nothing is chosen.

    ``scores`` are among them only where no probabilities are: asked for by name they cost a second
    look at the rows.
    """
    has_probabilities = contract.outputs.has_probabilities
    return tuple(it for it in _all(contract) if it.what != "scores" or not has_probabilities)


def chosen(contract: Contract, wanted: Sequence[Wanted]) -> list[Output]:
    """Return the outputs that are *wanted*, each by the name it was asked for.

    Raises:
        BodyMalformedError: the model has no such output.
    """
    known = {it.name: it for it in _all(contract)}
    found = []
    for name, _ in wanted:
        output = known.get(name) or known.get(_OTHER_NAMES.get(name, ""))
        if output is None:
            raise BodyMalformedError(
                f"'{name}' is no output of this model; it has: {', '.join(known)}."
            )
        found.append(output._replace(name=name))
    return found


def wish_for(outputs: Sequence[Output]) -> Wish:
    """Return what must be computed for *outputs*."""
    kinds = {output.what for output in outputs}
    return Wish(probabilities="probabilities" in kinds, scores="scores" in kinds)


def _all(contract: Contract) -> Iterator[Output]:
    outputs, targets = contract.outputs, contract.outputs.targets
    taken = {target.name for target in targets}
    if not targets:
        yield Output("predict", _datatype(contract), 1, "predictions")
    for at, target in enumerate(targets):
        yield Output(target.name, _datatype_of_target(target), 1, "predictions", at)
    if outputs.has_probabilities:
        for at, classes in enumerate([target.classes for target in targets]):
            name = _free(f"probabilities_{targets[at].name}", taken)
            yield Output(name, FP64, len(classes or ()) or _UNKNOWN_WIDTH, "probabilities", at)
        if not targets:
            width = len(outputs.classes or ()) or _UNKNOWN_WIDTH
            yield Output("probabilities", FP64, width, "probabilities")
    if outputs.has_scores:
        is_single = contract.task != "classification" or len(outputs.classes or ()) == 2  # noqa: PLR2004
        name = _free("scores", taken)
        yield Output(name, FP64, 1 if is_single else _UNKNOWN_WIDTH, "scores")


def _free(name: str, taken: set[str]) -> str:
    """Return *name*, with lines beneath behind it until it is none of *taken*, which it joins."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _datatype(contract: Contract) -> str:
    if contract.task == "outlier-detection":
        return INT64
    if contract.task == "regression":
        return FP64
    return _datatype_of(contract.outputs.classes or contract.golden.predictions[:1])


def _datatype_of_target(target: Target) -> str:
    return FP64 if target.classes is None else _datatype_of(target.classes)


def _datatype_of(values: Sequence[Value | tuple[Value, ...]]) -> str:
    """Return the one datatype of *values*; BYTES where they have not one."""
    kinds = {_DATATYPES.get(type(value), BYTES) for value in values}
    return kinds.pop() if len(kinds) == 1 else BYTES
