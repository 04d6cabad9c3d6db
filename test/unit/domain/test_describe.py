from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from app.domain.describe import describe
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


@pytest.mark.parametrize(
    "thing",
    [
        RandomForestClassifier(n_estimators=2).fit(ROWS, BOTH),
        KNeighborsClassifier(1).fit(ROWS, BOTH),
    ],
)
def test_a_classifier_of_several_targets_is_refused(thing: object) -> None:
    with pytest.raises(ModelRejectedError, match="answers several targets at once"):
        describe(thing)
