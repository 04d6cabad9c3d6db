"""From a fitted tree ensemble to the arrays that the forest engine walks.

The members, with T trees, N nodes and L leaves of all trees, one tree after the other:

========================= ===================================================================
``left`` (N,) int32       the left child, counted over all trees; the right one is next to it.
                          Children come after their parent. -1 in a leaf
``feature`` (N,) int32    the column that the node looks at; -1 in a leaf
``threshold`` (N,)        float64; a row goes left when its value is not above
``missing_left`` (N,)     bool; where a NaN goes
``roots`` (T,) int32      the first node of each tree
``values`` (L, W)         float64, the leaves in the order of the nodes. W is S, or 1, and then
                          tree t adds to sum t % S
``start`` (S,)            float64; what the sums begin with
``divisor``               float64; what "value" and "share" divide the sums by
``link``                  from sums to answers: "value", "exponential" (regressions), "share",
                          "logit", "half_logit", "softmax" (classifiers)
``zero_is_second``        bool; the class of a binary model whose sum is exactly zero
``rounds``                bool; whether values are rounded to float32 before they are compared
``n_features``            int64
========================= ===================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier, DummyRegressor
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

from app.errors import NotCompilableError
from app.lifecycle.compiling.forest_nodes import Tree, joined

Arrays = dict[str, npt.NDArray[Any]]
_USUAL: Final = {"divisor": 1.0, "zero_is_second": False, "rounds": True}
_LINKS: Final = {
    "IdentityLink": "value",
    "LogLink": "exponential",
    "LogitLink": "logit",
    "HalfLogitLink": "half_logit",
    "MultinomialLogit": "softmax",
}


def forest_arrays(estimator: object) -> Arrays:
    """Return the members above for a fitted *estimator* with one output.

    Raises:
        NotCompilableError: another kind of estimator, several outputs, native categories, or
            boosting that starts from a model of its own.
    """
    # A subclass may answer in a way of its own, so the type must be the very one.
    describe = _KINDS.get(type(estimator))
    if describe is None:
        raise NotCompilableError(f"{type(estimator).__name__} is no tree ensemble known here")
    return describe(estimator)


def _of_tree(estimator: Any) -> Arrays:
    return _average(estimator, [estimator])


def _of_forest(estimator: Any) -> Arrays:
    return _average(estimator, estimator.estimators_)


def _average(estimator: Any, trees: Sequence[Any]) -> Arrays:
    if estimator.n_outputs_ != 1:
        raise NotCompilableError("the forest engine has one output, the estimator several")
    found = [_tree(it.tree_) for it in trees]
    return _arrays(
        estimator,
        found,
        start=np.zeros(found[0].values.shape[1]),
        link="share" if hasattr(estimator, "classes_") else "value",
        divisor=float(len(trees)),
    )


def _of_gradient_boosting(estimator: Any) -> Arrays:
    init = estimator.init_
    is_constant = type(init) in {DummyClassifier, DummyRegressor} and init.strategy != "stratified"
    if not is_constant and init != "zero":
        raise NotCompilableError("boosting starts from another model")
    rate = estimator.learning_rate
    # A classifier with an exact zero says its second class.
    return _arrays(
        estimator,
        [_tree(it.tree_, scale=rate) for it in estimator.estimators_.ravel()],
        start=estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_)))[0],  # noqa: SLF001
        link=_link(estimator) if hasattr(estimator, "classes_") else "value",
        zero_is_second=True,
    )


def _of_histograms(estimator: Any) -> Arrays:
    if estimator._preprocessor is not None:  # noqa: SLF001
        raise NotCompilableError("the forest engine knows no native categories")
    return _arrays(
        estimator,
        [_histogram_tree(it.nodes) for step in estimator._predictors for it in step],  # noqa: SLF001
        start=estimator._baseline_prediction[0],  # noqa: SLF001
        link=_link(estimator),
        rounds=False,
    )


def _link(estimator: Any) -> str:
    name = type(estimator._loss.link).__name__  # noqa: SLF001
    if name not in _LINKS:
        raise NotCompilableError(f"the forest engine does not know the link {name}")
    return _LINKS[name]


def _tree(tree: Any, *, scale: float = 1.0) -> Tree:
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left,
        values=tree.value[:, 0, :] * scale,
    )


def _histogram_tree(nodes: npt.NDArray[Any]) -> Tree:
    is_leaf = nodes["is_leaf"] != 0
    left, right = (
        np.where(is_leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right")
    )
    return Tree(
        left=left,
        right=right,
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"],
        values=nodes["value"][:, np.newaxis],
    )


def _arrays(estimator: Any, trees: Sequence[Tree], **sums: object) -> Arrays:
    members = {"n_features": int(estimator.n_features_in_)} | _USUAL | sums
    return joined(trees) | {name: np.array(value) for name, value in members.items()}


_KINDS: Final[dict[type, Callable[[Any], Arrays]]] = {
    DecisionTreeClassifier: _of_tree,
    DecisionTreeRegressor: _of_tree,
    ExtraTreeClassifier: _of_tree,
    ExtraTreeRegressor: _of_tree,
    RandomForestClassifier: _of_forest,
    RandomForestRegressor: _of_forest,
    ExtraTreesClassifier: _of_forest,
    ExtraTreesRegressor: _of_forest,
    GradientBoostingClassifier: _of_gradient_boosting,
    GradientBoostingRegressor: _of_gradient_boosting,
    HistGradientBoostingClassifier: _of_histograms,
    HistGradientBoostingRegressor: _of_histograms,
}
