from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from app.errors import NotCompilableError
from app.lifecycle.compiling.forest import forest_arrays

ROWS, SPECIES = load_iris(return_X_y=True)
TYPES = {
    "left": np.int32,
    "feature": np.int32,
    "threshold": np.float64,
    "missing_left": np.bool_,
    "roots": np.int32,
    "values": np.float64,
    "start": np.float64,
    "n_features": np.int64,
    "divisor": np.float64,
    "zero_is_second": np.bool_,
    "rounds": np.bool_,
}


class Contrary(RandomForestClassifier):  # type: ignore[misc]
    """A forest that answers in its own way."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803  the name that scikit-learn gives it
        return super().predict_proba(X)[:, ::-1]


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(7, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3, random_state=0),
    ],
    ids=["tree", "forest", "boosting", "histogram"],
)
def test_the_members_are_plain_numbers_of_the_same_trees(estimator: Any) -> None:
    arrays = forest_arrays(estimator.fit(ROWS, SPECIES))

    assert {name: arrays[name].dtype for name in arrays if name != "link"} == TYPES
    assert arrays["n_features"] == 4
    is_leaf = arrays["left"] < 0
    assert len(arrays["values"]) == is_leaf.sum()
    assert (arrays["feature"][is_leaf] == -1).all()
    assert arrays["feature"][~is_leaf].min() >= 0


def test_children_stand_together_behind_their_parent_in_their_tree() -> None:
    forest = RandomForestClassifier(7, random_state=0).fit(ROWS, SPECIES)

    arrays = forest_arrays(forest)

    roots = arrays["roots"].tolist()
    sizes = [tree.tree_.node_count for tree in forest.estimators_]
    assert roots == [sum(sizes[:i]) for i in range(7)]
    for first, end in zip(roots, [*roots[1:], sum(sizes)], strict=True):
        parents = first + np.flatnonzero(arrays["left"][first:end] >= 0)
        left = arrays["left"][parents]
        assert (left > parents).all()
        assert sorted([*left, *(left + 1)]) == list(range(first + 1, end))


def test_a_tree_of_one_leaf_has_no_children() -> None:
    arrays = forest_arrays(DecisionTreeRegressor(random_state=0).fit(ROWS, np.full(len(ROWS), 7.0)))

    assert arrays["left"].tolist() == [-1]
    assert arrays["values"].tolist() == [[7.0]]


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (RandomForestClassifier(3), ("share", 3.0, False, True)),
        (RandomForestRegressor(3), ("value", 3.0, False, True)),
        (DecisionTreeClassifier(), ("share", 1.0, False, True)),
        (GradientBoostingClassifier(n_estimators=3), ("logit", 1.0, True, True)),
        (
            GradientBoostingClassifier(n_estimators=3, loss="exponential"),
            ("half_logit", 1.0, True, True),
        ),
        (GradientBoostingRegressor(n_estimators=3), ("value", 1.0, True, True)),
        (HistGradientBoostingClassifier(max_iter=3), ("logit", 1.0, False, False)),
        (HistGradientBoostingRegressor(max_iter=3), ("value", 1.0, False, False)),
        (
            HistGradientBoostingRegressor(max_iter=3, loss="gamma"),
            ("exponential", 1.0, False, False),
        ),
    ],
    ids=[
        "forest", "forest-number", "tree", "boosting", "boosting-exponential", "boosting-number",
        "histogram", "histogram-number", "histogram-gamma",
    ],
)  # fmt: skip
def test_each_kind_says_how_sums_become_answers(estimator: Any, said: tuple[Any, ...]) -> None:
    arrays = forest_arrays(estimator.fit(ROWS, 1 + (SPECIES == 2)))

    names = ("link", "divisor", "zero_is_second", "rounds")
    assert tuple(arrays[name].item() for name in names) == said


def test_boosting_of_several_classes_has_a_sum_for_each() -> None:
    estimator = GradientBoostingClassifier(n_estimators=4, random_state=0).fit(ROWS, SPECIES)

    arrays = forest_arrays(estimator)

    assert arrays["link"] == "softmax"
    assert arrays["start"].shape == (3,)
    assert arrays["values"].shape[1] == 1
    assert len(arrays["roots"]) == 12


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (LinearRegression(), "LinearRegression is no tree ensemble"),
        (IsolationForest(n_estimators=3), "IsolationForest is no tree ensemble"),
        (Contrary(3), "Contrary is no tree ensemble"),
        (
            GradientBoostingRegressor(n_estimators=3, init=LinearRegression()),
            "starts from another model",
        ),
        (
            GradientBoostingClassifier(n_estimators=3, init=DummyClassifier(strategy="stratified")),
            "starts from another model",
        ),
        (
            HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]),
            "no native categories",
        ),
    ],
    ids=["linear", "isolation", "subclass", "init-model", "init-random", "categories"],
)
def test_what_it_does_not_know_is_refused(estimator: Any, reason: str) -> None:
    estimator.fit(ROWS, SPECIES)

    with pytest.raises(NotCompilableError, match=reason):
        forest_arrays(estimator)


@pytest.mark.parametrize(
    "estimator",
    [RandomForestRegressor(3, random_state=0), DecisionTreeRegressor(random_state=0)],
    ids=["forest", "tree"],
)
def test_several_outputs_are_refused(estimator: Any) -> None:
    rows, answers = load_diabetes(return_X_y=True)
    estimator.fit(rows, np.column_stack((answers, answers)))

    with pytest.raises(NotCompilableError, match="one output"):
        forest_arrays(estimator)


def test_an_unknown_link_is_refused() -> None:
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(ROWS, SPECIES)
    estimator._loss.link = object()

    with pytest.raises(NotCompilableError, match="does not know the link object"):
        forest_arrays(estimator)
