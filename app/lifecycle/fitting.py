"""Fits one estimator to one table, so that the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any

import joblib
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from app.domain.ports import Matrix
from app.errors import TrainingDataError
from app.lifecycle.datasets import Table
from app.lifecycle.estimators import EstimatorName, estimator_for, without_traces
from app.lifecycle.splits import SEED


def fitted(
    table: Table,
    name: EstimatorName | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
    seed: int = SEED,
) -> Pipeline:
    """Return the estimator called *name*, fitted to all rows of *table*.

    Raises:
        TrainingDataError: it is not one for the table, or cannot learn it.
    """
    estimator = estimator_for(table, name, settings, seed)
    try:
        # Sums that are split between threads differ in their last bits.
        with threadpool_limits(1, user_api="blas"):
            return without_traces(estimator.fit(given(table), table.target))
    except (TypeError, ValueError) as error:
        problem = str(error).splitlines()[0]
        raise TrainingDataError(f"{table.name}: cannot be learnt: {problem}") from error


def given(table: Table) -> Matrix:
    """Return the rows of *table* as an estimator takes them: a column of texts is one sequence."""
    rows: Matrix = table.features
    return rows[:, 0] if table.input == "texts" else rows


def dumped(model: Pipeline) -> bytes:
    """Return the bytes of *model*'s artefact."""
    buffer = BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()
