"""A linear model as arrays: coefficients, intercepts and the link that makes answers of scores."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.svm import LinearSVC, LinearSVR

from app.errors import NotCompilableError

_REGRESSORS: Final = {
    ARDRegression, BayesianRidge, ElasticNet, ElasticNetCV, HuberRegressor, Lars, Lasso, LassoCV,
    LassoLars, LinearRegression, LinearSVR, Ridge, RidgeCV, SGDRegressor,
}  # fmt: skip
_WITHOUT_SHARES: Final = {LinearSVC, Perceptron, RidgeClassifier, RidgeClassifierCV}
_LOGISTIC: Final = {LogisticRegression, LogisticRegressionCV}
_BINARY: Final = 2


def linear_arrays(estimator: Any) -> dict[str, npt.NDArray[Any]]:
    """Return ``coef``, ``intercept`` and ``link`` of *estimator*.

    The shapes are scikit-learn's own, so that the same product is taken: ``coef`` is (n_features,)
    for a regression and (n_scores, n_features) for classes.

    Raises:
        NotCompilableError: it is no linear model, or none that is known here.
    """
    link = _link(estimator)
    coef = np.asarray(estimator.coef_, dtype=np.float64)
    if link == "sign":
        coef = np.atleast_2d(coef)  # RidgeClassifier keeps the one row by itself
    if coef.ndim != (1 if link == "identity" else _BINARY):
        raise NotCompilableError("it answers several targets at once")
    intercept = np.asarray(estimator.intercept_, dtype=np.float64)
    if link == "identity":
        intercept = intercept.reshape(())  # some keep one number in an array of one
    return {"coef": coef, "intercept": intercept, "link": np.array(link)}


def _link(estimator: Any) -> str:
    kind = type(estimator)
    if kind in _REGRESSORS:
        return "identity"
    is_binary = len(getattr(estimator, "classes_", ())) == _BINARY
    if kind in _WITHOUT_SHARES or (kind is SGDClassifier and not _has_shares(estimator)):
        return "sign" if is_binary else "largest"
    if kind in _LOGISTIC:
        return "logistic" if is_binary else "softmax"
    if kind is SGDClassifier and estimator.loss == "log_loss":
        return "logistic" if is_binary else "normalised"
    raise NotCompilableError(f"a {kind.__name__} is no linear model")


def _has_shares(estimator: Any) -> bool:
    return hasattr(estimator, "predict_proba")
