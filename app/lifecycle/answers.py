"""What a version answers to rows of another contract, matched by the names of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.domain.ports import Matrix
from app.domain.prediction import ServedModel
from app.errors import InputInvalidError
from app.lifecycle.scoring import score


def columns_of(rows: Matrix, names: Sequence[str]) -> dict[str, Matrix]:
    """Return the columns of *rows*, shape (n_rows, n_features), by name."""
    return dict(zip(names, rows.T, strict=True))


def answers(model: ServedModel, columns: Mapping[str, Matrix]) -> dict[int, Any]:
    """Return the answer to each row by its number, without the rows that *model* refuses.

    Args:
        model: may need fewer columns than there are; where it needs another, it answers nothing.
        columns: each of shape (n_rows,): float64, or objects; NaN for what is missing.
    """
    names = model.contract.feature_names
    if not set(names) <= set(columns):
        return {}
    try:
        found = score(model, {name: _as_sent(columns[name]) for name in names})
    except InputInvalidError:
        return {}
    if found.scores is None:
        return {}
    return dict(zip(found.kept, found.scores.predictions.tolist(), strict=True))


def labels(values: Sequence[Any]) -> Matrix:
    """Return answers as objects, shape (n_rows,) or (n_rows, n_targets): no number turns text."""
    return np.array(values, dtype=object)


def _as_sent(column: Matrix) -> Any:
    return column.tolist() if column.dtype.hasobject else np.ascontiguousarray(column)
