"""Unfitted estimators for a table: what prepares its columns, and the model at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
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
from app.lifecycle.splits import SEED

Settings = Mapping[str, Any]
"""Hyper-parameters of an estimator, by scikit-learn's names."""
EstimatorName = Literal["logistic", "ridge", "forest", "boosting", "isolation"]
# The first of each task is taken unless another is named.
_HEADS: Final[Mapping[Task, Mapping[EstimatorName, Callable[..., Any]]]] = {
    "classification": {
        "logistic": partial(LogisticRegression, max_iter=5_000),
        "forest": RandomForestClassifier,
        "boosting": HistGradientBoostingClassifier,
    },
    "regression": {
        "ridge": Ridge,
        "forest": RandomForestRegressor,
        "boosting": HistGradientBoostingRegressor,
    },
    "outlier-detection": {"isolation": IsolationForest},
}
# What these say is not the model's: they would change its bytes, or what it costs to fit it.
_NOT_SET_HERE: Final = {"random_state": "'seed'", "n_jobs": "--jobs"}
_TEXT: Final = "text__"
_LINEAR: Final = (LogisticRegression, Ridge)
_TAKES_GAPS: Final = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_SEVERAL: Final = (MultiOutputClassifier, MultiOutputRegressor)
_ONE_TARGET: Final = (LogisticRegression, *_TAKES_GAPS)


def estimator_for(
    table: Table,
    name: EstimatorName | None = None,
    settings: Settings = MappingProxyType({}),
    seed: int = SEED,
) -> Pipeline:
    """Return the estimator called *name*, or the usual one for the task, with its preparation.

    It takes rows as the gateway hands them to an engine: columns go by place and not by name, so
    that serving needs no data frames. *settings* that begin with ``text__`` are those of what
    makes numbers of texts.

    Raises:
        TrainingDataError: that estimator does not do the task, has no such setting, or cannot
            take the columns.
    """
    own = {key: value for key, value in settings.items() if not key.startswith(_TEXT)}
    head = _head(table.task, name, own, seed)
    if isinstance(head, _TAKES_GAPS) and "text" in table.kinds:
        raise TrainingDataError(
            "boosting takes no free text: its columns, one a word, would fill the memory. "
            "Choose another estimator, or leave the text out"
        )
    texts = {key.removeprefix(_TEXT): settings[key] for key in settings.keys() - own.keys()}
    return make_pipeline(*_preparation(table, head, texts), _for_all_targets(table, head))


def without_traces(model: Pipeline) -> Pipeline:
    """Return *model*, fitted, without what tells of the process and the machine that fitted it.

    That is the address in memory that each vectoriser has kept, and how many threads boosting had.
    Both only save work, and would give the same model other bytes elsewhere.
    """
    first, head = model[0], model[-1]
    parts = [part for _, part, _ in getattr(first, "transformers_", [("", first, 0)])]
    for part in parts:
        vars(part).pop("_stop_words_id", None)
    for one in head.estimators_ if isinstance(head, _SEVERAL) else [head]:
        if isinstance(one, _TAKES_GAPS):
            one._bin_mapper.n_threads = None  # noqa: SLF001  it has no other name
    return model


def _head(task: Task, name: EstimatorName | None, settings: Settings, seed: int) -> Any:
    heads = _HEADS[task]
    chosen = next(iter(heads)) if name is None else name
    if chosen not in heads:
        raise TrainingDataError(
            f"{chosen!r} does no {task}, which the target asks for: choose {' or '.join(heads)}"
        )
    head = heads[chosen]()
    _check_settings(chosen, settings, head.get_params())
    return head.set_params(random_state=seed, **settings)


def _check_settings(owner: str, settings: Settings, known: Settings) -> None:
    for key in settings:
        if key in _NOT_SET_HERE:
            raise TrainingDataError(f"{owner}: {key!r} is set by {_NOT_SET_HERE[key]} alone")
        if key not in known:
            there = ", ".join(sorted(known.keys() - _NOT_SET_HERE.keys()))
            raise TrainingDataError(f"{owner} has no setting {key!r}; there is: {there}")


def _vectorizer(settings: Settings) -> TfidfVectorizer:
    vectorizer = TfidfVectorizer()
    _check_settings("text", settings, vectorizer.get_params())
    return vectorizer.set_params(**settings)


def _for_all_targets(table: Table, head: Any) -> Any:
    if not table.target_names or not isinstance(head, _ONE_TARGET):
        return head
    return MultiOutputClassifier(head) if table.is_classification else MultiOutputRegressor(head)


def _preparation(table: Table, head: Any, texts: Settings) -> list[Any]:
    if texts and "text" not in table.kinds:
        raise TrainingDataError(f"there is no text, and {_TEXT}{next(iter(texts))} is set")
    if table.input == "texts":
        return [_vectorizer(texts)]
    if table.input == "table":
        return [_by_columns(table, head, texts)]
    has_gaps = not isinstance(head, _TAKES_GAPS) and bool(np.isnan(table.features).any())
    scaler = [StandardScaler()] if isinstance(head, _LINEAR) else []
    return [SimpleImputer(), *scaler] if has_gaps else scaler


def _by_columns(table: Table, head: Any, texts: Settings) -> ColumnTransformer:
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
        *((f"text_{it}", _vectorizer(texts), it) for it, kind in kinds if kind == "text"),
    ]
    # A list is a matrix of columns to scikit-learn, and a bare number one sequence of texts.
    return ColumnTransformer([part for part in parts if part[2] != []])
