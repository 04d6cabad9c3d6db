"""Fitted tree ensembles of every kind, and rows that are hard to agree on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

Matrix = npt.NDArray[np.float64]

DATA: dict[str, Callable[..., tuple[Matrix, npt.NDArray[Any]]]] = {
    "two": load_breast_cancer,
    "three": load_wine,
    "number": load_diabetes,
}
# Numbers of trees that are no multiple of the lanes that the kernel walks at once.
_FOREST = {"n_estimators": 21, "random_state": 0}
_BOOSTING = {"n_estimators": 13, "random_state": 0}
_HISTOGRAM = {"max_iter": 13, "random_state": 0}

# Estimators that answer NaN, by name: the data they learn from, and themselves.
PATIENT: dict[str, tuple[str, Any]] = {
    "tree-two": ("two", DecisionTreeClassifier(random_state=0)),
    "tree-three": ("three", DecisionTreeClassifier(random_state=0)),
    "tree-number": ("number", DecisionTreeRegressor(random_state=0)),
    "extra-tree-three": ("three", ExtraTreeClassifier(random_state=0)),
    "extra-tree-number": ("number", ExtraTreeRegressor(random_state=0)),
    "forest-two": ("two", RandomForestClassifier(**_FOREST)),
    "forest-three": ("three", RandomForestClassifier(**_FOREST)),
    "forest-number": ("number", RandomForestRegressor(**_FOREST)),
    "extra-trees-three": ("three", ExtraTreesClassifier(**_FOREST)),
    "extra-trees-number": ("number", ExtraTreesRegressor(**_FOREST)),
    "histogram-two": ("two", HistGradientBoostingClassifier(**_HISTOGRAM)),
    "histogram-three": ("three", HistGradientBoostingClassifier(**_HISTOGRAM)),
    "histogram-number": ("number", HistGradientBoostingRegressor(**_HISTOGRAM)),
    "histogram-poisson": ("number", HistGradientBoostingRegressor(loss="poisson", **_HISTOGRAM)),
    "histogram-gamma": ("number", HistGradientBoostingRegressor(loss="gamma", **_HISTOGRAM)),
}
IMPATIENT: dict[str, tuple[str, Any]] = {
    "boosting-two": ("two", GradientBoostingClassifier(**_BOOSTING)),
    "boosting-two-from-zero": ("two", GradientBoostingClassifier(init="zero", **_BOOSTING)),
    "boosting-exponential": ("two", GradientBoostingClassifier(loss="exponential", **_BOOSTING)),
    "boosting-three": ("three", GradientBoostingClassifier(**_BOOSTING)),
    "boosting-number": ("number", GradientBoostingRegressor(**_BOOSTING)),
    "boosting-huber": ("number", GradientBoostingRegressor(loss="huber", **_BOOSTING)),
    "boosting-median": (
        "number",
        GradientBoostingRegressor(init=DummyRegressor(strategy="median"), **_BOOSTING),
    ),
}
ALL = PATIENT | IMPATIENT


@cache
def fitted(name: str) -> tuple[Any, Matrix]:
    """The estimator of that name, and the rows that it learned from."""
    data, estimator = ALL[name]
    rows, answers = DATA[data](return_X_y=True)
    return estimator.fit(rows, answers), rows


def reference(estimator: Any, rows: Matrix) -> Matrix:
    """Say what scikit-learn answers: probabilities, or values."""
    answer = estimator.predict_proba if is_classifier(estimator) else estimator.predict
    scores: Matrix = answer(rows)
    return scores


def with_gaps(rows: Matrix, seed: int) -> Matrix:
    """Return *rows* with a fifth of their values missing."""
    return np.where(np.random.default_rng(seed).random(rows.shape) < 0.2, np.nan, rows)


def beyond(rows: Matrix) -> Matrix:
    """As many rows, drawn from twice the range of each column."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    spare = (high - low) / 2
    return np.random.default_rng(1).uniform(low - spare, high + spare, rows.shape)


def on_the_edge(rows: Matrix, feature: npt.NDArray[Any], threshold: Matrix) -> Matrix:
    """Rows whose value is a threshold, or one of its neighbours in either precision.

    Args:
        rows: to take all other values from.
        feature: column of each node, -1 in a leaf.
        threshold: of each node.
    """
    inner = np.flatnonzero((feature >= 0) & np.isfinite(threshold))
    nodes = np.random.default_rng(2).choice(inner, 100)
    exact, short = threshold[nodes], threshold[nodes].astype(np.float32)
    values = [exact, short.astype(np.float64)]
    for limit in (-np.inf, np.inf):
        values.append(np.nextafter(exact, limit))
        values.append(np.nextafter(short, np.float32(limit)).astype(np.float64))
    edge = np.resize(rows, (len(values) * len(nodes), rows.shape[1])).copy()
    edge[np.arange(len(edge)), np.tile(feature[nodes], len(values))] = np.concatenate(values)
    return edge


def a_forest(**changes: Any) -> dict[str, Any]:
    """Two trees over two features, the first with three leaves, the second a single leaf."""
    arrays = {
        "left": np.array([1, -1, 3, -1, -1, -1], np.int32),
        "feature": np.array([0, -1, 1, -1, -1, -1], np.int32),
        "threshold": np.array([0.5, 0, 0.25, 0, 0, 0]),
        "missing_left": np.array([True, False, False, False, False, False]),
        "roots": np.array([0, 5], np.int32),
        "values": np.array([[1.0], [2.0], [3.0], [10.0]]),
        "start": np.array([100.0]),
        "n_features": np.array(2, np.int64),
        "divisor": np.array(1.0),
        "zero_is_second": np.array(False),
        "rounds": np.array(True),
        "link": np.array("value"),
    }
    return arrays | changes
