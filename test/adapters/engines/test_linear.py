from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from app.adapters.engines.linear import LinearEngine
from app.domain.ports import Scores
from app.errors import ModelRejectedError
from app.lifecycle.compiling.linear import linear_arrays
from app.lifecycle.compiling.steps import peeled

FLOWERS = load_iris(return_X_y=True)
TUMOURS = load_breast_cancer(return_X_y=True)
WINES = load_wine(return_X_y=True)
SUGARS = load_diabetes(return_X_y=True, scaled=False)
SPECIES = np.array(["setosa", "versicolor", "virginica"])


def fitted(estimator: Any, rows: Any, target: Any) -> Any:
    return make_pipeline(StandardScaler(), estimator).fit(rows, target)


def engine_of(model: Any) -> LinearEngine:
    steps, head = peeled(model)
    classes = head.classes_.tolist() if hasattr(head, "classes_") else None
    return LinearEngine(steps | linear_arrays(head), width=model.n_features_in_, classes=classes)


def rows_around(rows: Any, n_rows: int = 2_000) -> Any:
    spread = np.random.default_rng(5).normal(size=(n_rows, rows.shape[1]))
    return np.vstack([rows, rows.mean(axis=0) + spread * rows.std(axis=0) * 30.0])


CASES = [
    pytest.param(LogisticRegression(), FLOWERS, id="logistic of three"),
    pytest.param(LogisticRegression(), TUMOURS, id="logistic of two"),
    pytest.param(SGDClassifier(loss="log_loss", random_state=0), WINES, id="logistic, descent"),
    pytest.param(SGDClassifier(loss="log_loss", random_state=0), TUMOURS, id="descent of two"),
    pytest.param(SGDClassifier(random_state=0), WINES, id="margin, descent"),
    pytest.param(LinearSVC(), TUMOURS, id="margin of two"),
    pytest.param(LinearSVC(), WINES, id="margin of three"),
    pytest.param(RidgeClassifier(), FLOWERS, id="ridge of classes"),
    pytest.param(RidgeClassifier(), TUMOURS, id="ridge of two classes"),
    pytest.param(Perceptron(), TUMOURS, id="perceptron"),
    pytest.param(Ridge(), SUGARS, id="ridge"),
    pytest.param(LinearRegression(), SUGARS, id="least squares"),
    pytest.param(Lasso(), SUGARS, id="lasso"),
    pytest.param(SGDRegressor(random_state=0), SUGARS, id="regression, descent"),
]


@pytest.mark.parametrize(("estimator", "data"), CASES)
def test_many_rows_are_answered_as_scikit_learn_answers(estimator: Any, data: Any) -> None:
    model, rows = fitted(estimator, *data), rows_around(data[0])

    scores = engine_of(model).predict(rows)

    check(scores, model, rows)


@pytest.mark.parametrize(("estimator", "data"), CASES)
def test_one_row_is_answered_as_scikit_learn_answers(estimator: Any, data: Any) -> None:
    model, rows = fitted(estimator, *data), rows_around(data[0], 40)[::7]
    engine = engine_of(model)

    for row in rows:
        check(engine.predict(row[np.newaxis]), model, row[np.newaxis])


def check(scores: Scores, model: Any, rows: Any) -> None:
    expected = model.predict(rows)
    assert scores.predictions.dtype == expected.dtype
    if expected.dtype.kind == "f":
        assert scores.predictions == pytest.approx(expected, rel=1e-12, abs=1e-12)
        return
    assert np.array_equal(scores.predictions, expected)
    if hasattr(model, "predict_proba"):
        assert isinstance(scores.probabilities, np.ndarray)
        assert scores.probabilities.flags.c_contiguous
        assert np.abs(scores.probabilities - model.predict_proba(rows)).max() < 1e-12
    else:
        assert scores.probabilities is None


@pytest.mark.parametrize("names", [SPECIES, np.array([True, False, True]), np.array([7, -1, 40])])
def test_labels_have_the_type_of_the_classes(names: Any) -> None:
    rows, target = FLOWERS
    model = fitted(LogisticRegression(), rows, names[target])

    found = engine_of(model).predict(rows).predictions

    assert found.tolist() == model.predict(rows).tolist()
    assert {type(it) for it in found.tolist()} == {type(it) for it in names.tolist()}


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("far", [-1e6, 1e6])
def test_scores_beyond_what_an_exponential_holds_give_shares(far: float, size: int) -> None:
    for data in (FLOWERS, TUMOURS):
        model = fitted(LogisticRegression(C=100.0, max_iter=5_000), *data)
        rows = np.full((size, data[0].shape[1]), far)

        check(engine_of(model).predict(rows), model, rows)


def test_shares_that_are_all_zero_become_even() -> None:
    arrays = {
        "coef": np.zeros((3, 1)),
        "intercept": np.full(3, -1e9),
        "link": np.array("normalised"),
    }
    engine = LinearEngine(arrays, width=1, classes=("a", "b", "c"))

    shares = engine.predict(np.zeros((1, 1))).probabilities

    assert isinstance(shares, np.ndarray)
    assert shares.tolist() == [[1 / 3, 1 / 3, 1 / 3]]


SOUND = {"coef": np.zeros((3, 2)), "intercept": np.zeros(3), "link": np.array("softmax")}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"link": np.array("exec")}, "link 'exec' does not fit", id="unknown link"),
        pytest.param({"link": np.array("identity")}, "does not fit the contract", id="no classes"),
        pytest.param({"link": np.array("logistic")}, "not \\(1, 2\\)", id="too many scores"),
        pytest.param({"coef": np.zeros((3, 3))}, "coefficients of \\(3, 3\\)", id="too wide"),
        pytest.param(
            {"coef": np.zeros((2, 2))}, "coefficients of \\(2, 2\\)", id="too few classes"
        ),
        pytest.param({"intercept": np.zeros(2)}, "coefficients of", id="too few intercepts"),
        pytest.param({"coef": np.zeros((3, 2), np.float32)}, "must be float64", id="single"),
        pytest.param({"step_00_eval": np.zeros(2)}, "is no step", id="unknown step"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelRejectedError, match=reason):
        LinearEngine(SOUND | change, width=2, classes=("a", "b", "c"))


@pytest.mark.parametrize("name", SOUND)
def test_an_array_that_is_missing_is_named(name: str) -> None:
    arrays = {key: values for key, values in SOUND.items() if key != name}

    with pytest.raises(ModelRejectedError, match=f"the arrays lack {name}"):
        LinearEngine(arrays, width=2, classes=("a", "b", "c"))


def test_yes_or_no_needs_two_classes() -> None:
    arrays = {"coef": np.zeros((1, 2)), "intercept": np.zeros(1), "link": np.array("logistic")}

    with pytest.raises(ModelRejectedError, match="needs two classes"):
        LinearEngine(arrays, width=2, classes=("a", "b", "c"))
