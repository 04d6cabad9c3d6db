"""Rows that are held against those of training: of a file, of the audit log, or held out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.domain.contract import NUMBERS, Contract, Feature
from app.domain.ports import Matrix
from app.domain.prediction import ServedModel
from app.errors import TrainingDataError
from app.lifecycle.logged import Logged
from app.lifecycle.scoring import score

MOST_ROWS: Final = 200_000
MOST_SCORED: Final = 20_000
_TRUTH: Final = {"true": 1.0, "false": 0.0}
CONFIDENCE: Final = "confidence"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in the contract's order, and what the model answered where that is known.

    Attributes:
        source: where they are from, in words.
        matrix: shape (n_rows, n_features): float64 where all are numbers, else objects; NaN where a
            value is missing, "" for a text.
        answers: by name, each of shape (n_answered,): ``prediction`` or ``prediction of <target>``,
            float64 or labels as texts, and ``confidence``.
    """

    source: str
    matrix: Matrix
    answers: dict[str, npt.NDArray[Any]]


def file_rows(path: Path, contract: Contract, model: ServedModel | None = None) -> Rows:
    """Read the columns that *contract* names from a CSV or Parquet file, and have *model* answer.

    At most 20,000 rows, evenly spread, are answered: those that keep the contract.

    Raises:
        TrainingDataError: the file cannot be read, lacks a column, or has text among numbers.
    """
    frame = _frame(path, contract)
    columns = [_column(path, it, frame[it.name]) for it in contract.features]
    if contract.input == "numbers":
        matrix: Matrix = np.column_stack(columns)
    else:
        matrix = np.empty((len(frame), len(columns)), dtype=object)
        for place, column in enumerate(columns):
            matrix[:, place] = column
    return Rows(f"{len(matrix):,} rows of {path}", matrix, answered(model, matrix))


def answered(model: ServedModel | None, matrix: Matrix) -> dict[str, npt.NDArray[Any]]:
    """Return what *model* answers to at most 20,000 rows of *matrix*, evenly spread."""
    if model is None or not len(matrix):
        return {}
    rows, data = spread(matrix, MOST_SCORED), None
    if model.contract.input != "numbers":
        data = [[None if it != it else it for it in row] for row in rows.tolist()]  # noqa: PLR0124  NaN
    scores = score(model, rows.copy() if data is None else data).scores
    if scores is None:
        return {}
    shares: Any = scores.probabilities
    if isinstance(shares, tuple):
        shares = [*zip(*(it.tolist() for it in shares), strict=True)]
    elif shares is not None:
        shares = shares.tolist()
    return answers_of(model.contract, scores.predictions.tolist(), shares)


def logged_rows(found: Iterable[Logged], contract: Contract, days: float) -> Rows:
    """Return the newest rows of *found*, at most 200,000, with what was answered then."""
    kept: deque[Logged] = deque()
    n_rows = 0
    for entry in found:
        kept.append(entry)
        n_rows += len(entry.rows)
        while n_rows - len(kept[0].rows) >= MOST_ROWS:
            n_rows -= len(kept.popleft().rows)
    source = f"{n_rows:,} rows of {len(kept):,} requests in the audit log, {days:g} days"
    if not kept:
        return Rows(source, np.empty((0, len(contract.features))), {})
    matrix = np.concatenate([entry.rows for entry in kept])
    predictions = [row for entry in kept for row in entry.predictions]
    shares = [row for entry in kept for row in entry.probabilities or ()]
    return Rows(source, matrix, answers_of(contract, predictions, shares))


def answers_of(
    contract: Contract, predictions: Sequence[Any], probabilities: Sequence[Any] | None
) -> dict[str, npt.NDArray[Any]]:
    """Return answers, a row each, by name; with several targets the mean of their confidences."""
    targets = contract.outputs.targets
    found: dict[str, npt.NDArray[Any]] = {}
    if targets and len(predictions):
        for target, column in zip(targets, zip(*predictions, strict=True), strict=True):
            found[f"prediction of {target.name}"] = _answer(column, target.classes is not None)
    elif len(predictions):
        found["prediction"] = _answer(predictions, contract.task != "regression")
    if probabilities:
        found[CONFIDENCE] = np.array([_confidence(row) for row in probabilities])
    return found


def spread(matrix: npt.NDArray[Any], most: int) -> npt.NDArray[Any]:
    """Return at most so many rows of *matrix*, evenly spread."""
    if len(matrix) <= most:
        return matrix
    return matrix[np.linspace(0, len(matrix) - 1, most).astype(np.intp)]


def _answer(values: Sequence[Any], is_label: bool) -> npt.NDArray[Any]:  # noqa: FBT001
    if not is_label:
        return np.array(values, dtype=np.float64)
    labels = np.empty(len(values), dtype=object)
    labels[:] = [str(value) for value in values]
    return labels


def _confidence(shares: Sequence[Any]) -> float:
    if shares and isinstance(shares[0], list | tuple):
        return float(np.mean([max(it) for it in shares]))
    return float(max(shares))


def _frame(path: Path, contract: Contract) -> Any:
    import pandas as pd  # noqa: PLC0415  the import takes a second

    names = [*contract.feature_names]
    words = {it.name: str for it in contract.features if it.kind not in NUMBERS}
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype=words, keep_default_na=True)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        problem = str(error).splitlines()[0]
        raise TrainingDataError(
            f"{path}: cannot be read: {problem}. Fix: a .parquet file, or CSV with a header"
        ) from error
    absent = [name for name in names if name not in frame.columns]
    if absent:
        there = ", ".join(map(str, frame.columns))
        raise TrainingDataError(
            f"{path}: there is no column {absent[0]!r}; there is: {there}. "
            f"Fix: the columns of {contract.name}: {', '.join(names)}"
        )
    return frame[names]


def _column(path: Path, feature: Feature, column: Any) -> npt.NDArray[Any]:
    is_missing = column.isna().to_numpy()
    if feature.kind not in NUMBERS:
        nothing = "" if feature.kind == "text" else np.nan
        words = np.empty(len(column), dtype=object)
        words[:] = [
            nothing if gone else str(it) for it, gone in zip(column, is_missing, strict=True)
        ]
        return words
    numbers = np.full(len(column), np.nan)
    try:
        numbers[~is_missing] = column[~is_missing].to_numpy().astype(np.float64)
    except (TypeError, ValueError):
        numbers[~is_missing] = [_number(path, feature.name, it) for it in column[~is_missing]]
    return numbers


def _number(path: Path, name: str, value: Any) -> float:
    try:
        return _TRUTH[value.lower()] if str(value).lower() in _TRUTH else float(value)
    except (AttributeError, TypeError, ValueError):
        raise TrainingDataError(
            f"{path}: {name}: {str(value)[:40]!r} is no number. Fix: a number, or nothing"
        ) from None
