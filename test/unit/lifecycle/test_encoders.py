from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from app.lifecycle.encoders import Known, known_columns, takes_texts

pd = pytest.importorskip("pandas")
NAMES = ["size", "colour", "late", "note"]
FRAME = pd.DataFrame(
    {
        "size": [1.0, 2.0, np.nan, 2.0] * 3,
        "colour": ["red", "blue", None, "red"] * 3,
        "late": [True, False, True, True] * 3,
        "note": ["one word", "two words", "three", "four words"] * 3,
    }
)
TARGET = [0, 1, 1, 0] * 3
IGNORES = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
FILLS = SimpleImputer(strategy="most_frequent")


def learnt(*parts: Any, **options: Any) -> dict[str, Known]:
    """What is known by name of columns that a pipeline begins with, but for those it drops."""
    columns = make_column_transformer(*parts, **options)
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=1)).fit(FRAME, TARGET)
    known = {NAMES[place]: it for place, it in known_columns(model, NAMES).items()}
    return {name: it for name, it in known.items() if not it.is_unused}


def test_an_encoder_knows_its_categories_and_its_gaps() -> None:
    known = learnt((IGNORES, ["colour"]))["colour"]

    assert known == Known("category", ("blue", "red"), (), ignores_unknown=True, takes_gaps=True)


def test_an_encoder_that_raises_ignores_nothing() -> None:
    known = learnt((make_pipeline(FILLS, OneHotEncoder(sparse_output=False)), ["colour"]))["colour"]

    assert known == Known("category", ("blue", "red"), (), ignores_unknown=False, takes_gaps=True)


def test_an_encoder_of_true_and_false_knows_a_boolean() -> None:
    assert learnt((OneHotEncoder(sparse_output=False), ["late"]))["late"] == Known("bool")


def test_numbers_that_are_categories_are_known_where_no_other_may_come() -> None:
    filled = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)
    )
    ignored = make_pipeline(SimpleImputer(strategy="most_frequent"), IGNORES)

    known = learnt((filled, ["size"]))["size"]

    assert (known.kind, known.numbers, known.takes_gaps) == ("int", (1.0, 2.0), True)
    assert learnt((ignored, ["size"]))["size"].numbers == ()


def test_an_imputer_takes_gaps() -> None:
    known = learnt((make_pipeline(SimpleImputer(), StandardScaler()), ["size"]))

    assert known == {"size": Known(takes_gaps=True)}


def test_an_imputer_that_adds_columns_is_not_looked_through() -> None:
    adds = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())

    assert learnt((adds, ["size"])) == {"size": Known()}


def test_a_column_that_is_dropped_may_be_missing() -> None:
    model = make_pipeline(make_column_transformer((IGNORES, ["colour"])), LogisticRegression())

    known = known_columns(model.fit(FRAME, TARGET), NAMES)

    assert known[0] == known[3] == Known(takes_gaps=True, is_unused=True)


def test_a_vectoriser_knows_a_text() -> None:
    columns = make_column_transformer((TfidfVectorizer(), "note"))
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, TARGET)

    assert known_columns(model, NAMES)[3] == Known("text")


@pytest.mark.parametrize(
    "chosen",
    [
        ["colour"], [1], [-3], slice(1, 2), slice("colour", "colour"), np.array([0, 1, 0, 0], bool),
        lambda frame: [name for name in frame.columns if name == "colour"],
    ],
    ids=["name", "place", "from-the-end", "slice", "named-slice", "mask", "callable"],
)  # fmt: skip
def test_columns_are_found_however_they_were_chosen(chosen: Any) -> None:
    known = learnt((IGNORES, chosen))

    assert {name for name, it in known.items() if it.kind == "category"} == {"colour"}


def test_columns_within_columns_are_found() -> None:
    inner = ColumnTransformer([("c", IGNORES, ["colour"])], remainder="drop")

    known = learnt((make_union(inner), ["late", "colour"]), remainder="drop")

    assert known["colour"].categories == ("blue", "red")


def test_what_is_left_over_is_known_too() -> None:
    rest = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)

    known = learnt(("drop", ["size", "note", "late"]), remainder=rest)

    assert known["colour"].categories == ("blue", "red")
    assert known["colour"].ignores_unknown


def test_boosting_knows_the_categories_that_it_encodes_by_itself() -> None:
    frame = FRAME[["size", "colour"]].astype({"colour": "category"})
    model = HistGradientBoostingClassifier(max_iter=1).fit(frame, TARGET)

    known = known_columns(model, ["size", "colour"])

    assert (known[1].kind, known[1].categories) == ("category", ("blue", "red"))
    assert known[1].ignores_unknown


def test_a_search_knows_what_its_best_knows() -> None:
    columns = make_column_transformer((IGNORES, ["colour"]))
    search = GridSearchCV(make_pipeline(columns, LogisticRegression()), {}, cv=2)

    known = known_columns(search.fit(FRAME, TARGET), NAMES)

    assert known[1].categories == ("blue", "red")


def test_a_model_of_numbers_knows_nothing() -> None:
    model = make_pipeline(StandardScaler(), LinearRegression()).fit([[1.0], [2.0]], [1.0, 2.0])

    assert known_columns(model, ["a"]) == {0: Known()}


@pytest.mark.parametrize(
    "vectoriser",
    [
        CountVectorizer(),
        TfidfVectorizer(),
        HashingVectorizer(),
        FeatureUnion([("words", TfidfVectorizer()), ("letters", CountVectorizer(analyzer="char"))]),
        make_pipeline("passthrough", TfidfVectorizer()),
    ],
    ids=["count", "tfidf", "hashing", "union", "nested"],
)
def test_a_pipeline_that_begins_with_a_vectoriser_takes_texts(vectoriser: Any) -> None:
    model = make_pipeline(vectoriser, LogisticRegression()).fit(list(FRAME["note"]), TARGET)

    assert takes_texts(model)


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        make_pipeline(StandardScaler(), LinearRegression()),
        make_pipeline(make_column_transformer((TfidfVectorizer(), "note")), LinearRegression()),
        {},
    ],
    ids=["estimator", "scaler", "columns", "no-estimator"],
)
def test_others_take_a_matrix(model: Any) -> None:
    assert not takes_texts(model)
