"""Unfitted estimators for a table: what prepares its columns, and the model at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from app.domain.contract import NUMBERS, Task
from app.errors import TrainingDataError
from app.lifecycle.datasets import Table

SEED: Final = 20_260_101
EstimatorName = Literal["logistic", "ridge", "forest", "boosting", "isolation"]
# The first of each task is taken unless another is named.
_HEADS: Final[Mapping[Task, Mapping[EstimatorName, Callable[[], Any]]]] = {
    "classification": {
        "logistic": lambda: LogisticRegression(max_iter=5_000),
        "forest": lambda: RandomForestClassifier(random_state=SEED),
        "boosting": lambda: HistGradientBoostingClassifier(random_state=SEED),
    },
    "regression": {
        "ridge": Ridge,
        "forest": lambda: RandomForestRegressor(random_state=SEED),
        "boosting": lambda: HistGradientBoostingRegressor(random_state=SEED),
    },
    "outlier-detection": {"isolation": lambda: IsolationForest(random_state=SEED)},
}
_LINEAR: Final = (LogisticRegression, Ridge)
_TAKES_GAPS: Final = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_ONE_TARGET: Final = (LogisticRegression, *_TAKES_GAPS)


def estimator_for(table: Table, name: EstimatorName | None = None) -> Pipeline:
    """Return the estimator called *name*, or the usual one for the task, with its preparation.

    It takes rows as the gateway hands them to an engine: columns go by place and not by name, so
    that serving needs no data frames.

    Raises:
        TrainingDataError: that estimator does not do the task, or cannot take the columns.
    """
    head = _head(table.task, name)
    if isinstance(head, _TAKES_GAPS) and "text" in table.kinds:
        raise TrainingDataError(
            "boosting takes no free text: its columns, one a word, would fill the memory. "
            "Choose another estimator, or leave the text out"
        )
    return make_pipeline(*_preparation(table, head), _for_all_targets(table, head))


def without_addresses(model: Pipeline) -> Pipeline:
    """Return *model*, fitted, without the address in memory that each vectoriser has kept.

    It only saves a check, and it would give the same model other bytes in every process.
    """
    first = model[0]
    parts = [part for _, part, _ in getattr(first, "transformers_", [("", first, 0)])]
    for part in parts:
        vars(part).pop("_stop_words_id", None)
    return model


def _head(task: Task, name: EstimatorName | None) -> Any:
    heads = _HEADS[task]
    chosen = next(iter(heads)) if name is None else name
    if chosen not in heads:
        raise TrainingDataError(
            f"{chosen!r} does no {task}, which the target asks for: choose {' or '.join(heads)}"
        )
    return heads[chosen]()


def _for_all_targets(table: Table, head: Any) -> Any:
    if not table.target_names or not isinstance(head, _ONE_TARGET):
        return head
    return MultiOutputClassifier(head) if table.is_classification else MultiOutputRegressor(head)


def _preparation(table: Table, head: Any) -> list[Any]:
    if table.input == "texts":
        return [TfidfVectorizer()]
    if table.input == "table":
        return [_by_columns(table, head)]
    has_gaps = not isinstance(head, _TAKES_GAPS) and bool(np.isnan(table.features).any())
    scaler = [StandardScaler()] if isinstance(head, _LINEAR) else []
    return [SimpleImputer(), *scaler] if has_gaps else scaler


def _by_columns(table: Table, head: Any) -> ColumnTransformer:
    """Return what turns numbers, categories and texts into one matrix of numbers."""
    kinds = list(enumerate(table.kinds))
    numbers = [place for place, kind in kinds if kind in NUMBERS]
    categories = [place for place, kind in kinds if kind == "category"]
    scaler = [StandardScaler()] if isinstance(head, _LINEAR) else []
    is_sparse = not isinstance(head, _TAKES_GAPS)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=is_sparse)
    parts: list[tuple[str, Any, Any]] = [
        ("numbers", make_pipeline(SimpleImputer(), *scaler), numbers),
        ("categories", make_pipeline(SimpleImputer(strategy="most_frequent"), encoder), categories),
        *((f"text_{place}", TfidfVectorizer(), place) for place, kind in kinds if kind == "text"),
    ]
    # A list is a matrix of columns to scikit-learn, and a bare number one sequence of texts.
    return ColumnTransformer([part for part in parts if part[2] != []])
