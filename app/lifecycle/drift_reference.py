"""What current rows are held against: the contract, rows that were held out, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Contract, Kind, Reference
from app.domain.drift_cells import Cells, cells_of
from app.errors import OperatorError
from app.lifecycle.current_rows import Rows, answers_of
from app.lifecycle.datasets import Table
from app.lifecycle.references import references_of
from app.lifecycle.scoring import PREDICTION

_GOLDEN: Final = "the golden rows of the contract: few, so only great changes are seen"
_LABELS: Final = (
    "the shares of the true labels in training, which a model need not answer in: only a great "
    "change counts; confidence: " + _GOLDEN
)


@dataclass(frozen=True, slots=True)
class Answers:
    """How a model is expected to answer.

    Attributes:
        cells: of each answer.
        source: where they are from, in words.
        are_labels: whether the predictions' are those of true labels.
    """

    cells: Mapping[str, Cells]
    source: str
    are_labels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is expected.

    Attributes:
        source: where the features' part is from, in words.
        references: of each feature that has one.
        cells: of the same.
        n_rows: behind them.
        rows: themselves, where they are at hand; else what was held out, or None.
        is_raw: whether ``rows`` are those that the features are compared with.
        answers: what is expected of these.
    """

    source: str
    references: Mapping[str, Reference]
    cells: Mapping[str, Cells]
    n_rows: int
    rows: Rows | None
    is_raw: bool
    answers: Answers


def baseline(contract: Contract, given: Rows | None, held_out: Rows | None) -> Baseline:
    """Return what rows of *contract*'s model are held against.

    Args:
        contract: says how features were distributed in training.
        given: rows that shall stand for training instead.
        held_out: rows that no fit has seen, with the model's answers: these are compared with the
            answers now, since a model is surer of rows that it was fitted on.

    Raises:
        OperatorError: there is nothing to compare with.
    """
    answers = _answers(contract, given if given is not None and given.answers else held_out)
    if given is not None:
        references = _references(contract, given)
        return Baseline(
            source=given.source,
            references=references,
            cells=_all_cells(references, len(given.matrix)),
            n_rows=len(given.matrix),
            rows=given,
            is_raw=True,
            answers=answers,
        )
    training = contract.training
    if training is None or not training.reference:
        raise OperatorError(
            f"{contract.name}@{contract.version}: its contract does not say what it was trained "
            "on. Fix: --reference FILE with rows of its training"
        )
    return Baseline(
        source=f"the contract: {training.n_rows:,} rows of {training.dataset}",
        references=training.reference,
        cells=_all_cells(training.reference, training.n_rows),
        n_rows=training.n_rows,
        rows=held_out,
        is_raw=False,
        answers=answers,
    )


def _all_cells(references: Mapping[str, Reference], n_rows: int) -> dict[str, Cells]:
    found = {name: cells_of(reference, n_rows) for name, reference in references.items()}
    return {name: cells for name, cells in found.items() if cells is not None}


def _references(contract: Contract, rows: Rows) -> dict[str, Reference]:
    """Return how each feature is distributed in *rows*; nothing of one without values."""
    found: dict[str, Reference] = {}
    for place, feature in enumerate(contract.features):
        column = rows.matrix[:, [place]]
        if all(it != it or it == "" for [it] in column.tolist()):  # noqa: PLR0124  NaN
            continue
        name = feature.name
        found |= references_of(Table(name, (name,), column, None, False, (feature.kind,)))  # noqa: FBT003
    return found


def _answers(contract: Contract, rows: Rows | None) -> Answers:
    if rows is not None and rows.answers:
        return Answers(_cells(rows.answers), rows.source)
    golden = contract.golden
    cells = _cells(answers_of(contract, golden.predictions, golden.probabilities))
    training = contract.training
    if training is None or not training.class_shares:
        return Answers(cells, _GOLDEN)
    labels = Reference(shares=training.class_shares, missing_share=0.0)
    of_labels = cells_of(labels, training.n_rows)
    known = {} if of_labels is None else {PREDICTION: of_labels}
    return Answers(cells | known, _LABELS, are_labels=True)


def _cells(answers: Mapping[str, npt.NDArray[Any]]) -> dict[str, Cells]:
    found: dict[str, Cells] = {}
    for name, values in answers.items():
        kind: Kind = "category" if values.dtype.hasobject else "float"
        column = values.reshape(-1, 1)
        is_known = ~np.isnan(values) if kind in NUMBERS else np.ones(len(values), dtype=bool)
        if not is_known.any():
            continue
        table = Table(name, (name,), column, None, False, (kind,))  # noqa: FBT003
        cells = cells_of(references_of(table)[name], len(values))
        if cells is not None:
            found[name] = cells
    return found
