from __future__ import annotations

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from app.adapters.engines.steps import prepared, steps_of
from app.lifecycle.compiling.steps import peeled

GENERATOR = np.random.default_rng(3)
ROWS = GENERATOR.normal(size=(60, 3)) * [1.0, 1e-3, 1e5] + [0.0, 7.0, -3.0]
GAPS = np.where(GENERATOR.random(ROWS.shape) < 0.2, np.nan, ROWS)
BEYOND = np.vstack([ROWS * 3.0, GENERATOR.normal(size=(60, 3)) * 1e6])
TARGET = ROWS.sum(axis=1)


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler(),
        MinMaxScaler(feature_range=(-2, 3), clip=True),
        MaxAbsScaler(),
        MaxAbsScaler(clip=True),
        RobustScaler(),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False),
    ],
    ids=str,
)
def test_a_scaler_gives_the_same_bits(scaler: StandardScaler) -> None:
    model = make_pipeline(scaler, Ridge()).fit(ROWS, TARGET)

    arrays, rest = peeled(model)

    assert rest is model[-1]
    found = prepared(BEYOND, steps_of(arrays, 3))
    assert found.tobytes() == model[0].transform(BEYOND).tobytes()


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_an_imputer_fills_with_the_same_bits(strategy: str) -> None:
    model = make_pipeline(SimpleImputer(strategy=strategy), StandardScaler(), Ridge())
    model.fit(GAPS, TARGET)

    arrays, rest = peeled(model)

    assert isinstance(rest, Ridge)
    found = prepared(GAPS, steps_of(arrays, 3))
    assert found.tobytes() == model[:2].transform(GAPS).tobytes()


def test_steps_that_do_nothing_and_pipelines_within_are_seen_through() -> None:
    inner = Pipeline([("nothing", "passthrough"), ("scale", StandardScaler())])
    model = Pipeline([("inner", inner), ("none", None), ("last", Ridge())]).fit(ROWS, TARGET)

    arrays, rest = peeled(model)

    assert list(arrays) == ["step_00_subtract", "step_01_divide"]
    assert isinstance(rest, Ridge)


def test_a_search_is_its_best_estimator() -> None:
    model = make_pipeline(StandardScaler(), Ridge())
    search = GridSearchCV(model, {"ridge__alpha": [0.1, 1.0]}).fit(ROWS, TARGET)

    arrays, rest = peeled(search)

    assert list(arrays) == ["step_00_subtract", "step_01_divide"]
    assert rest is search.best_estimator_[-1]


@pytest.mark.parametrize(
    ("step", "rows"),
    [
        pytest.param(SimpleImputer(add_indicator=True), GAPS, id="indicator"),
        pytest.param(SimpleImputer(missing_values=-1.0), ROWS, id="other gaps"),
        pytest.param(SimpleImputer(), GAPS * [1.0, np.nan, 1.0], id="drops a column"),
        pytest.param(PolynomialFeatures(), ROWS, id="no arithmetic"),
    ],
)
@pytest.mark.filterwarnings("ignore:Skipping features", "ignore:All-NaN")
def test_what_is_more_than_arithmetic_stays_with_the_head(
    step: SimpleImputer, rows: np.ndarray
) -> None:
    model = Pipeline([("shift", RobustScaler(with_scaling=False)), ("step", step), ("", Ridge())])
    for _, it in model.steps[:2]:
        it.fit(rows)

    arrays, rest = peeled(model)

    assert list(arrays) == ["step_00_subtract"]
    assert [it for _, it in rest.steps] == [step, model[-1]]
