from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from app.adapters.engines.reference import SklearnEngine
from app.domain.ports import Matrix
from test.shapes import a_transformer, all_shapes, objects, some_table

COLUMNS = ["age", "town", "ill", "class"]
ROWS = some_table()
LABELS = ["yes" if row[2] else "no" for row in ROWS]
# Blocks pandas as if it were not installed, and prints what each stored model answers.
WITHOUT_PANDAS = """
import sys
class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoPandas())
import joblib
from app.adapters.engines.reference import SklearnEngine
estimators, rows = joblib.load(sys.argv[1])
shares = [SklearnEngine(it, has_probabilities=True).predict(rows).probabilities
          for it in estimators]
assert "pandas" not in sys.modules
joblib.dump(shares, sys.argv[1])
"""


def a_frame() -> Any:
    """The rows as pandas reads them from a file: NaN where a value is missing."""
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(ROWS, columns=COLUMNS).replace({None: np.nan})


def pipelines() -> list[Any]:
    """Pipelines that choose columns of a data frame in each way there is."""
    words = make_column_selector(pattern="town|class")
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    letters = TfidfVectorizer(analyzer="char")
    onehot = OneHotEncoder(handle_unknown="ignore")
    chosen = [
        a_transformer(COLUMNS),
        ColumnTransformer([("c", onehot, words), ("t", letters, "class")]),
        ColumnTransformer([("c", encoder, slice("town", "town"))], remainder="passthrough"),
        FeatureUnion([("one", ColumnTransformer([("c", encoder, ["class"])]))]),
    ]
    trees = [HistGradientBoostingClassifier(max_iter=3) for _ in range(2)]
    heads = [LogisticRegression(), LogisticRegression(), *trees]
    frame = a_frame().astype({"age": float})
    return [
        make_pipeline(transformer, head).fit(frame, LABELS)
        for transformer, head in zip(chosen, heads, strict=True)
    ]


def test_a_pipeline_of_a_data_frame_answers_objects_as_it_answers_the_frame() -> None:
    frame = a_frame().astype({"age": float})
    for estimator in pipelines():
        found = SklearnEngine(estimator, has_probabilities=True).predict(objects(ROWS))

        assert found.predictions.tolist() == estimator.predict(frame).tolist()
        assert isinstance(found.probabilities, np.ndarray)
        assert np.array_equal(found.probabilities, estimator.predict_proba(frame))


def test_a_pipeline_of_a_data_frame_answers_where_pandas_is_not_installed(tmp_path: Path) -> None:
    estimators = pipelines()
    expected = [it.predict_proba(a_frame().astype({"age": float})) for it in estimators]
    file = tmp_path / "models.joblib"
    joblib.dump((estimators, objects(ROWS)), file)

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANDAS, file],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    for shares, others in zip(joblib.load(file), expected, strict=True):
        assert np.array_equal(shares, others)


class Says:
    """Any object with predict: it gives back what it is told to."""

    n_features_in_ = 2

    def __init__(self, predictions: Any, shares: Any = None) -> None:
        self.predictions, self.shares = predictions, shares
        self.asked: Any = None

    def predict(self, rows: Any) -> Any:
        self.asked = rows
        return self.predictions

    def predict_proba(self, _: Any) -> Any:
        return self.shares


class Sparse:
    """An array of SciPy, as classifiers of several labels may answer with."""

    def toarray(self) -> Matrix:
        return np.array([[0, 1], [1, 0]])


TWO = np.zeros((2, 2))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([1, 2], [1, 2]),
        (["a", "b"], ["a", "b"]),
        ([True, False], [True, False]),
        ([[1.5], [2.5]], [1.5, 2.5]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (Sparse(), [[0, 1], [1, 0]]),
        ((np.float32(0.5), np.float32(2)), [0.5, 2.0]),
    ],
    ids=["list", "text", "truth", "one column", "targets", "sparse", "scalars"],
)
def test_answers_of_any_kind_become_an_array(said: Any, kept: list[Any]) -> None:
    engine = SklearnEngine(Says(said), has_probabilities=False)

    assert engine.predict(TWO).predictions.tolist() == kept


@pytest.mark.parametrize(
    "said", [[1, 2, 3], [1], [[[1]], [[2]]]], ids=["more", "fewer", "too deep"]
)
def test_answers_that_do_not_fit_the_rows_are_an_error(said: Any) -> None:
    with pytest.raises(RuntimeError, match="2 rows gave answers of shape"):
        SklearnEngine(Says(said), has_probabilities=False).predict(TWO)


def test_one_share_a_target_becomes_no_and_yes() -> None:
    shares_of_yes = np.array([[0.25, 1], [0.5, 0.75]])
    engine = SklearnEngine(Says([[0, 1], [1, 1]], shares_of_yes), has_probabilities=True)

    shares = engine.predict(TWO).probabilities

    assert isinstance(shares, tuple)
    assert [it.tolist() for it in shares] == [[[0.75, 0.25], [0.5, 0.5]], [[0, 1], [0.25, 0.75]]]


@pytest.mark.parametrize(
    ("takes", "counts_features", "is_flat"),
    [("texts", True, True), ("table", False, False), (None, False, True), (None, True, False)],
    ids=["texts", "table", "unsaid", "unsaid and counted"],
)
def test_texts_are_given_as_one_sequence(takes: Any, counts_features: bool, is_flat: bool) -> None:  # noqa: FBT001
    estimator = Says(["a"])
    if not counts_features:
        estimator = type("Uncounted", (), {"predict": Says.predict, "predictions": ["a"]})()
    matrix: Matrix = np.array([["so good"]], dtype=object)

    SklearnEngine(estimator, has_probabilities=False, takes=takes).predict(matrix)

    assert estimator.asked.tolist() == (["so good"] if is_flat else [["so good"]])


def test_scores_are_those_of_the_decision_function() -> None:
    shape = all_shapes()["outliers"]
    engine = SklearnEngine(shape.estimator, has_probabilities=False)

    found = engine.decide(shape.given)

    assert found.dtype == np.float64
    assert found.tolist() == shape.estimator.decision_function(shape.given).tolist()
    assert ((found < 0) == (engine.predict(shape.given).predictions == -1)).all()


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ],
    ids=["one-hot", "ordinal"],
)
def test_a_row_that_lacks_its_category_is_answered_alone_as_among_others(encoder: Any) -> None:
    pd = pytest.importorskip("pandas")
    rows: list[list[Any]] = [[1.0, "Bern"], [2.0, np.nan], [3.0, "Genf"], [4.0, "Bern"]]
    frame = pd.DataFrame(rows, columns=["age", "town"])
    chosen = ColumnTransformer([("c", encoder, ["town"])], remainder="passthrough")
    estimator = make_pipeline(chosen, HistGradientBoostingClassifier(max_iter=3))
    engine = SklearnEngine(estimator.fit(frame, [0, 1, 0, 1]), has_probabilities=True)

    alone = engine.predict(objects([rows[1]]))
    among = engine.predict(objects(rows))

    assert alone.predictions.tolist() == among.predictions[1:2].tolist()
