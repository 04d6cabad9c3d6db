"""Ten real data sets: every engine answers every row as scikit-learn does."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from sklearn import datasets
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from app.adapters.engines.forest import ForestHead
from app.domain.contract import Feature, Missing
from app.domain.describe import describe
from app.domain.parity import check, compare
from app.lifecycle.compiling.engines import with_engines
from app.wiring import open_compiled, reference_engine
from test.builders import a_contract

DATA = Path(__file__).resolve().parents[4] / ".." / "shared" / "data"
WORDS = 64
Table = tuple[Any, Any]
needs_files = pytest.mark.skipif(
    not DATA.is_dir(), reason="the folder ../shared/data with the data sets' files is absent"
)


def cells(file: str) -> list[dict[str, str]]:
    with (DATA / file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def numbers(rows: list[dict[str, str]], *columns: str) -> Any:
    return np.array([[float(row[name] or "nan") for name in columns] for row in rows])


def housing() -> Table:
    rows = cells("housing.csv")
    names = [name for name in rows[0] if name not in {"median_house_value", "ocean_proximity"}]
    return numbers(rows, *names), numbers(rows, "median_house_value").ravel()


def housing_with_its_category() -> Table:
    places = [row["ocean_proximity"] for row in cells("housing.csv")]
    encoded = np.array(places)[:, np.newaxis] == np.unique(places)
    table, target = housing()
    return np.hstack([table, encoded]), target > np.median(target)


def titanic() -> Table:
    rows = cells("titanic.csv")
    table = numbers(rows, "Pclass", "Age", "SibSp", "Parch", "Fare")
    return table, np.array([row["Survived"] for row in rows])


def sentiment() -> Table:
    """How often words whose checksum ends alike stand in each of the tweets."""
    texts = (DATA / "sentiment/text.txt").read_text(encoding="utf-8").splitlines()
    labels = (DATA / "sentiment/labels.txt").read_text().split()
    counts = np.zeros((len(texts), WORDS))
    for number, text in enumerate(texts):
        for word in text.split():
            counts[number, crc32(word.encode()) % WORDS] += 1
    return counts, np.array([int(label) for label in labels])


def exercise() -> Table:
    bunch = datasets.load_linnerud()
    return bunch.data, bunch.target[:, 0]


TABLES = [
    pytest.param(lambda: datasets.load_iris(return_X_y=True), id="iris"),
    pytest.param(lambda: datasets.load_wine(return_X_y=True), id="wine"),
    pytest.param(lambda: datasets.load_breast_cancer(return_X_y=True), id="breast cancer"),
    pytest.param(lambda: datasets.load_digits(return_X_y=True), id="digits"),
    pytest.param(lambda: datasets.load_diabetes(return_X_y=True, scaled=False), id="diabetes"),
    pytest.param(exercise, id="linnerud"),
    pytest.param(housing, id="housing", marks=needs_files),
    pytest.param(housing_with_its_category, id="housing, category", marks=needs_files),
    pytest.param(titanic, id="titanic", marks=needs_files),
    pytest.param(sentiment, id="sentiment", marks=needs_files),
]


def a_linear_pipeline(*, classifies: bool, has_gaps: bool) -> Any:
    last = LogisticRegression(max_iter=5_000) if classifies else Ridge()
    return make_pipeline(*([SimpleImputer()] if has_gaps else []), StandardScaler(), last)


def a_forest_behind_a_scaler(*, classifies: bool, has_gaps: bool) -> Any:
    kind = RandomForestClassifier if classifies else RandomForestRegressor
    forest = kind(10, max_depth=10, random_state=1)
    return make_pipeline(*([SimpleImputer()] if has_gaps else []), StandardScaler(), forest)


def boosted_trees(*, classifies: bool, has_gaps: bool) -> Any:
    del has_gaps  # they take them as they are
    kind = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
    return kind(max_iter=4, max_leaf_nodes=15, random_state=1)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of boosted trees wait for each other longer than they work on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize(
    ("model_of", "engine"),
    [
        (a_linear_pipeline, "linear"),
        (a_forest_behind_a_scaler, "forest"),
        (boosted_trees, "forest"),
    ],
    ids=["linear", "forest", "boosting"],
)
@pytest.mark.parametrize("table", TABLES)
def test_every_engine_answers_every_row_as_scikit_learn_does(
    table: Callable[[], Table], model_of: Callable[..., Any], engine: str
) -> None:
    if engine == "forest" and not ForestHead.is_available():
        pytest.skip("needs the forest kernel: a C compiler")
    rows, target = table()
    classifies = target.dtype.kind != "f"
    gaps = np.isnan(rows).any(axis=0)
    model = model_of(classifies=classifies, has_gaps=gaps.any())
    model.fit(rows[:1_000], target[:1_000])
    outputs = describe(model).outputs
    passes = Missing(policy="pass")
    contract = a_contract(
        *(Feature(name=f"f{n}", missing=passes if it else None) for n, it in enumerate(gaps)),
        task="classification" if classifies else "regression",
        outputs=outputs,
    )
    reference = reference_engine(model, has_probabilities=outputs.has_probabilities)

    contract, files = with_engines(
        contract, model, reference=reference, known=rows, open_compiled=open_compiled
    )

    assert engine in {it.engine for it in contract.compiled}, contract.not_compiled
    expected = reference.predict(rows)
    for it in contract.compiled:
        assert (it.parity.rows_with_missing > 0) == gaps.any()
        found = open_compiled(it.engine, contract, files[it.file]).predict(rows)
        parity = compare(expected, found, contract.task)
        check(parity)
        assert parity.rows == len(rows)
