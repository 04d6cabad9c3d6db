from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, OneClassSVM

from app.domain.contract import Feature
from app.domain.describe import confirmed, describe
from app.domain.ports import Scores
from app.errors import ModelRejectedError

pd = pytest.importorskip("pandas")
ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0]])
LABELS = np.array(["no", "no", "yes", "yes"])
NUMBERS = np.array([0.0, 1.0, 2.0, 3.0])
BOTH = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])


def test_a_regressor_has_no_classes() -> None:
    said = describe(LinearRegression().fit(ROWS, NUMBERS))

    assert (said.task, said.outputs.classes) == ("regression", None)


def test_a_classifier_names_its_classes() -> None:
    said = describe(LogisticRegression().fit(ROWS, LABELS))

    assert (said.task, said.outputs.classes) == ("classification", ("no", "yes"))


@pytest.mark.parametrize(("kind", "has_them"), [(LogisticRegression, True), (LinearSVC, False)])
def test_probabilities_are_promised_where_they_exist(kind: Any, has_them: bool) -> None:  # noqa: FBT001
    assert describe(kind().fit(ROWS, LABELS)).outputs.has_probabilities is has_them


def test_whole_number_classes_stay_numbers() -> None:
    said = describe(LogisticRegression().fit(ROWS, np.array([0, 0, 1, 1])))

    assert said.outputs.classes == (0, 1)


def test_columns_without_names_are_numbered() -> None:
    said = describe(LinearRegression().fit(ROWS, NUMBERS))

    assert [feature.name for feature in said.features] == ["feature_0", "feature_1"]


def test_columns_of_a_data_frame_keep_their_names() -> None:
    frame = pd.DataFrame(ROWS, columns=["width", "height"])

    said = describe(make_pipeline(StandardScaler(), LinearRegression()).fit(frame, NUMBERS))

    assert [feature.name for feature in said.features] == ["width", "height"]


@pytest.mark.parametrize("thing", [StandardScaler().fit(ROWS), {"predict": 1}, "text", None])
def test_what_cannot_predict_is_refused(thing: object) -> None:
    with pytest.raises(ModelRejectedError, match="has no predict method"):
        describe(thing)


@pytest.mark.parametrize(
    "thing", [LinearRegression(), make_pipeline(StandardScaler(), LogisticRegression())]
)
def test_what_is_not_fitted_is_refused(thing: object) -> None:
    with pytest.raises(ModelRejectedError, match="is it fitted"):
        describe(thing)


YES_OR_NO = (0, 1)
MIXED = np.column_stack([LABELS, ["up", "down", "up", "down"]])


@pytest.mark.parametrize(
    ("thing", "classes"),
    [
        (RandomForestClassifier(n_estimators=2).fit(ROWS, BOTH), [YES_OR_NO, YES_OR_NO]),
        (KNeighborsClassifier(1).fit(ROWS, BOTH), [YES_OR_NO, YES_OR_NO]),
        (OneVsRestClassifier(LogisticRegression()).fit(ROWS, BOTH), [YES_OR_NO, YES_OR_NO]),
        (RidgeClassifier().fit(ROWS, BOTH), [YES_OR_NO, YES_OR_NO]),
        (make_pipeline(StandardScaler(), RidgeClassifier()).fit(ROWS, BOTH), [YES_OR_NO] * 2),
        (
            MultiOutputClassifier(LogisticRegression()).fit(ROWS, MIXED),
            [("no", "yes"), ("down", "up")],
        ),
    ],
    ids=["forest", "neighbours", "one against rest", "ridge", "pipeline", "multi-output"],
)
def test_a_classifier_of_several_targets_names_the_classes_of_each(
    thing: Any, classes: list[Any]
) -> None:
    said = describe(thing)

    assert said.task == "classification"
    assert said.outputs.classes is None
    assert [target.name for target in said.outputs.targets] == ["target_0", "target_1"]
    assert [target.classes for target in said.outputs.targets] == classes


@pytest.mark.parametrize(
    "thing",
    [
        IsolationForest(n_estimators=2).fit(ROWS),
        make_pipeline(StandardScaler(), OneClassSVM()).fit(ROWS),
        LocalOutlierFactor(n_neighbors=2, novelty=True).fit(ROWS),
    ],
    ids=["forest", "pipeline", "neighbours"],
)
def test_an_outlier_detector_has_scores_and_no_classes(thing: object) -> None:
    said = describe(thing)

    assert (said.task, said.outputs.classes) == ("outlier-detection", None)
    assert said.outputs.has_scores
    assert not said.outputs.has_probabilities


@pytest.mark.parametrize(
    ("thing", "has_them"),
    [(LinearSVC(), True), (RandomForestClassifier(2), False), (LogisticRegression(), True)],
    ids=["svm", "forest", "logistic"],
)
def test_scores_are_promised_where_they_exist(thing: Any, has_them: bool) -> None:  # noqa: FBT001
    assert describe(thing.fit(ROWS, LABELS)).outputs.has_scores is has_them


def test_a_model_of_texts_has_one_feature() -> None:
    thing = make_pipeline(TfidfVectorizer(), LogisticRegression())
    thing.fit(["so good", "so bad", "as good", "as bad"], LABELS)

    with pytest.raises(ModelRejectedError, match="One that reads texts never says it"):
        describe(thing)
    assert describe(thing, takes="texts").features == (Feature(name="text", kind="text"),)
    [named] = describe(thing, takes="texts", names=["tweet"]).features
    assert named == Feature(name="tweet", kind="text")


class Doubles:
    """Not from scikit-learn, and it says nothing."""

    def predict(self, rows: Any) -> Any:
        return [[2 * row[0], row[1]] for row in rows]


def test_names_may_come_from_elsewhere() -> None:
    said = describe(Doubles(), names=["width", "height"])

    assert [feature.name for feature in said.features] == ["width", "height"]
    assert said.task == "regression"


def test_names_of_another_number_are_not_taken() -> None:
    said = describe(LinearRegression().fit(ROWS, NUMBERS), names=["one", "two", "three"])

    assert [feature.name for feature in said.features] == ["feature_0", "feature_1"]


def test_names_are_given_to_columns_without() -> None:
    said = describe(LinearRegression().fit(ROWS, NUMBERS), names=["width", "height"])

    assert [feature.name for feature in said.features] == ["width", "height"]


@pytest.mark.parametrize(
    ("answers", "n_targets"), [([1.0, 2.0], 0), ([[1.0, 2.0]], 2)], ids=["one", "several"]
)
def test_answers_show_how_many_targets_there_are(answers: Any, n_targets: int) -> None:
    said = describe(LinearRegression().fit(ROWS, NUMBERS))

    found = confirmed(said, Scores(np.array(answers), None))

    assert len(found.outputs.targets) == n_targets
    assert all(target.classes is None for target in found.outputs.targets)
    assert found.task == "regression"


def test_answers_in_words_are_a_classification() -> None:
    said = describe(Doubles(), names=["a", "b"])

    assert confirmed(said, Scores(np.array(["x"]), None)).task == "classification"


def test_what_is_known_of_targets_is_kept() -> None:
    said = describe(MultiOutputClassifier(LogisticRegression()).fit(ROWS, MIXED))

    assert confirmed(said, Scores(MIXED, None)) == said
