"""Small fitted models of every shape, stored as the gateway finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from math import isnan, nan
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC, OneClassSVM

from app.adapters.engines.reference import SklearnEngine
from app.domain.contract import Contract, Feature, Input, Missing
from app.domain.describe import confirmed, describe
from app.domain.golden import record
from app.domain.ports import Matrix
from test.builders import a_contract

PASSED = Missing(policy="pass")
NUMBERS = (Feature(name="a"), Feature(name="b"), Feature(name="c"))
TOWNS = ("Bern", "Genf", "Zürich")
TABLE = (
    Feature(name="age", missing=PASSED, trained_minimum=0.0, trained_maximum=90.0),
    Feature(name="town", kind="category", categories=TOWNS, unknown="warn", missing=PASSED),
    Feature(name="ill", kind="bool"),
    Feature(name="class", kind="category", categories=("1", "2"), missing=Missing(policy="refuse")),
)
TEXTS = (Feature(name="tweet", kind="text"),)


@dataclass(frozen=True, slots=True)
class Shape:
    """A fitted estimator, its contract, and rows for it.

    Attributes:
        rows: as a request holds them: None for what is missing.
        given: the same rows as they are given to the estimator in process.
        payload: the estimator as a joblib file, which is another one after it has answered.
    """

    name: str
    estimator: Any
    payload: bytes
    contract: Contract
    rows: list[list[Any]]
    given: Any

    def store(self, folder: Path) -> None:
        """Write artefact and contract as a promotion would."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.joblib").write_bytes(self.payload)
        (folder / "manifest.json").write_text(self.contract.model_dump_json())


class Greeting:
    """An object of somebody's own: it has predict, and says nothing of itself."""

    def predict(self, rows: Matrix) -> list[str]:
        return [f"{town}, {'-' if isnan(age) else int(age)}" for age, town in rows]


def objects(rows: Sequence[Sequence[Any]]) -> Matrix:
    """Rows as a validated input holds them: floats and strings, NaN for None."""
    matrix: Matrix = np.empty((len(rows), len(rows[0])), dtype=object)
    for place, column in enumerate(zip(*rows, strict=True)):
        plain = [float(it) if isinstance(it, bool | int) else it for it in column]
        matrix[:, place] = [nan if it is None else it for it in plain]
    return matrix


def some_numbers(n_rows: int = 60) -> Matrix:
    return np.random.default_rng(3).normal(size=(n_rows, 3))


def some_table(n_rows: int = 60) -> list[list[Any]]:
    """Rows of TABLE with gaps, and one town that no contract names."""
    draw = np.random.default_rng(4)
    towns = [*TOWNS, None]
    rows: list[list[Any]] = [
        [
            None if draw.random() < 0.2 else round(float(draw.uniform(1, 90)), 2),
            towns[draw.integers(4)],
            bool(draw.random() < 0.5),
            str(draw.integers(1, 3)),
        ]
        for _ in range(n_rows)
    ]
    rows[7][1] = "Chur"
    return rows


def some_texts(n_rows: int = 40) -> list[str]:
    draw = np.random.default_rng(5)
    words = ["gut", "schlecht", "été", "naïve", "\U0001f600 ok", "train", "late", "never"]
    return [" ".join(draw.choice(words, draw.integers(1, 9))) for _ in range(n_rows)]


def a_transformer(names: Sequence[Any] = (0, 1, 2, 3)) -> ColumnTransformer:
    """Numbers scaled, categories one-hot, the rest as it is; *names* are the four columns."""
    age, town, _, group = names
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    encoded = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    return ColumnTransformer(
        [("n", scaled, [age]), ("c", encoded, [town, group])], remainder="passthrough"
    )


def sides(matrix: Matrix) -> Matrix:
    return np.array(["left", "middle", "right"])[np.digitize(matrix[:, 0], [-0.5, 0.5])]


def yes_or_no(matrix: Matrix) -> Matrix:
    return (matrix[:, :2] > 0).astype(int)


def _numbers(name: str, estimator: Any, target: Any = None) -> Shape:
    given = some_numbers()
    fitted = estimator.fit(given) if target is None else estimator.fit(given, target)
    return a_shape(name, fitted, NUMBERS, given.tolist(), given)


def _tables() -> list[Shape]:
    rows = some_table()
    given = objects(rows)
    labels = ["yes" if row[2] else "no" for row in rows]
    classifier = make_pipeline(a_transformer(), LogisticRegression()).fit(given, labels)
    forest = RandomForestRegressor(5, random_state=0)
    regressor = make_pipeline(a_transformer(), forest).fit(given, np.arange(60.0))
    return [
        a_shape("table", classifier, TABLE, rows, given, takes="table"),
        a_shape("table-regression", regressor, TABLE, rows, given, takes="table"),
    ]


def _greetings() -> Shape:
    features = (TABLE[0], Feature(name="town", kind="category"))
    rows: list[list[Any]] = [[41, "Bern"], [None, "Chur"], [1.5, "Genf"]]
    return a_shape("greetings", Greeting(), features, rows, objects(rows), takes="table")


def _texts(name: str, last: Any) -> Shape:
    texts = some_texts()
    labels = np.where(["gut" in text for text in texts], "good", "bad")
    fitted = make_pipeline(TfidfVectorizer(), last).fit(texts, labels)
    return a_shape(name, fitted, TEXTS, [[text] for text in texts], texts, takes="texts")


def a_shape(  # noqa: PLR0913  one argument a thing it needs
    name: str,
    estimator: Any,
    features: tuple[Feature, ...],
    rows: list[list[Any]],
    given: Any,
    *,
    takes: Input = "numbers",
) -> Shape:
    """A shape whose contract says what its estimator says, with golden rows."""
    payload = _dumped(estimator)
    said = describe(estimator, takes=takes, names=[feature.name for feature in features])
    engine = SklearnEngine(estimator, has_probabilities=said.outputs.has_probabilities, takes=takes)
    matrix = np.array(rows) if takes == "numbers" else objects(rows)
    said = confirmed(said, engine.predict(matrix))
    contract = a_contract(
        *features,
        name=name,
        task=said.task,
        input=takes,
        outputs=said.outputs,
        artefact={"size_bytes": len(payload), "sha256": sha256(payload).hexdigest()},
        golden=record(matrix, engine),
    )
    return Shape(name, estimator, payload, contract, rows, given)


@cache
def all_shapes() -> dict[str, Shape]:
    """One model of each family, by name."""
    rows = some_numbers()
    labels, pairs = sides(rows), yes_or_no(rows)
    mixed = np.column_stack([labels, np.where(rows[:, 1] > 0, "up", "down")])
    quantities = np.column_stack([rows @ [1.0, 2.0, 3.0], rows[:, 0] - rows[:, 2]])
    multi_output = MultiOutputClassifier(LogisticRegression())
    shapes = [
        _numbers("regression", LinearRegression(), rows[:, 0] * 2),
        _numbers("one-column", LinearRegression(), rows[:, :1] * 2),
        _numbers("multi-class", LogisticRegression(), labels),
        _numbers("no-probabilities", LinearSVC(), labels),
        _numbers("two-classes", SVC(), rows[:, 0] > 0),
        _numbers("multi-label-forest", RandomForestClassifier(5, random_state=0), pairs),
        _numbers("multi-label-shares", OneVsRestClassifier(LogisticRegression()), pairs),
        _numbers("multi-label-ridge", RidgeClassifier(), pairs),
        _numbers("multi-label-neighbours", KNeighborsClassifier(3), pairs),
        _numbers("multi-output", multi_output, mixed),
        _numbers("multi-output-numbers", LinearRegression(), quantities),
        _numbers("outliers", IsolationForest(n_estimators=5, random_state=0)),
        _numbers("outliers-svm", make_pipeline(StandardScaler(), OneClassSVM())),
        *_tables(),
        _greetings(),
        _texts("texts", LogisticRegression()),
        _texts("texts-no-probabilities", LinearSVC()),
    ]
    return {shape.name: shape for shape in shapes}


def _dumped(estimator: Any) -> bytes:
    buffer = BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()
