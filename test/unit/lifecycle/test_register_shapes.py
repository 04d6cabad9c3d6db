"""Files fitted elsewhere that take more than a matrix of numbers, or answer several targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_linnerud
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from app.domain.contract import Contract, Missing, Target
from app.errors import ModelRejectedError, TrainingDataError
from app.lifecycle.registry import versions
from test.unit.lifecycle.test_register import registered, replayed

pd = pytest.importorskip("pandas")
DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the folder ../shared/data with housing.csv and titanic.csv is absent"
)
FRAME = pd.DataFrame(
    {
        "age": [22.0, np.nan, 41.0, 35.0] * 3,
        "sex": ["male", "female", "female", "male"] * 3,
        "deck": [1, 2, 3, 1] * 3,
        "alone": [True, False, False, True] * 3,
        "name": ["Mr. A", "Mrs. B", "Miss C", "Mr. D"] * 3,
        "ticket": ["A5 1", "99", "PC 7", "12"] * 3,
    }
)
SURVIVED = [0, 1, 1, 0] * 3
TITANIC = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (OneHotEncoder(), ["sex", "deck", "alone"]),
        (TfidfVectorizer(), "name"),
    ),
    LogisticRegression(),
).fit(FRAME, SURVIVED)
MOODS = ["all is well", "all is lost", "well done", "lost again"] * 3
MOOD = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(MOODS, SURVIVED)
ROWS, QUANTITIES = load_linnerud(return_X_y=True)
CLASSES = (np.median(QUANTITIES, axis=0) < QUANTITIES).astype(int)
NUMBERS = "one,two,three\n5,162,60\n2,110,60\n"


class Lengths:
    """An estimator of somebody's own: the length of each row's first text."""

    def predict(self, rows: Any) -> Any:
        return np.array([len(row if isinstance(row, str) else row[0]) for row in np.asarray(rows)])


def features(contract: Contract) -> dict[str, Any]:
    return {feature.name: feature for feature in contract.features}


@pytest.mark.parametrize("sample", [None, FRAME.to_csv(index=False)], ids=["bare", "sampled"])
def test_a_pipeline_over_named_columns_tells_their_kinds(
    tmp_path: Path, sample: str | None
) -> None:
    contract = registered(tmp_path, TITANIC, sample)

    known = features(contract)
    assert contract.input == "table"
    assert [known[it].kind for it in ("age", "sex", "deck", "alone", "name")] == [
        "float", "category", "int", "bool", "text",
    ]  # fmt: skip
    assert known["age"].missing == Missing(policy="pass")
    assert (known["sex"].categories, known["sex"].unknown) == (("female", "male"), "refuse")
    assert (known["deck"].minimum, known["deck"].maximum) == (1.0, 3.0)
    assert known["deck"].missing == Missing(policy="refuse")
    replayed(tmp_path, contract)


def test_a_sample_of_a_table_gives_golden_rows_and_ranges(tmp_path: Path) -> None:
    contract = registered(tmp_path, TITANIC, FRAME.to_csv(index=False))

    assert contract.golden.inputs[0] == (22.0, "male", 1.0, 1.0, "Mr. A", "A5 1")
    assert contract.golden.inputs[1][0] is None
    assert features(contract)["age"].trained_maximum == 41.0
    assert set(contract.not_compiled) == {"linear", "forest", "onnx"}


def test_a_column_that_the_model_drops_is_taken_as_it_looks(tmp_path: Path) -> None:
    contract = registered(tmp_path, TITANIC, FRAME.to_csv(index=False))

    ticket = features(contract)["ticket"]
    assert (ticket.kind, ticket.missing) == ("text", Missing(policy="pass"))


def test_an_encoder_that_ignores_what_it_does_not_know_only_warns(tmp_path: Path) -> None:
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(make_column_transformer((encoder, ["sex"])), LogisticRegression())

    contract = registered(tmp_path, model.fit(FRAME[["sex"]], SURVIVED), "sex\nmale\nother\n")

    assert features(contract)["sex"].unknown == "warn"
    assert features(contract)["sex"].categories == ("female", "male")
    replayed(tmp_path, contract)


@pytest.mark.parametrize("sample", [None, "mood\nall is well\nlost\n"], ids=["bare", "sampled"])
def test_a_pipeline_of_texts_is_found_out(tmp_path: Path, sample: str | None) -> None:
    contract = registered(tmp_path, MOOD, sample)

    [feature] = contract.features
    assert (contract.input, feature.kind) == ("texts", "text")
    assert feature.name == ("text" if sample is None else "mood")
    assert contract.outputs.has_probabilities
    replayed(tmp_path, contract)


def test_a_classifier_without_probabilities_promises_scores(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LinearSVC()).fit(MOODS, SURVIVED)

    outputs = registered(tmp_path, model, "mood\nall is well\n").outputs

    assert (outputs.has_probabilities, outputs.has_scores) == (False, True)


def test_a_sample_of_texts_has_one_column(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="has the columns a, b; a model of texts takes one"):
        registered(tmp_path, MOOD, "a,b\nwell,lost\n")


@pytest.mark.parametrize("sample", [None, NUMBERS], ids=["bare", "sampled"])
@pytest.mark.parametrize(
    ("model", "classes"),
    [
        (LinearRegression().fit(ROWS, QUANTITIES), None),
        (RandomForestRegressor(3, random_state=0).fit(ROWS, QUANTITIES), None),
        (RandomForestClassifier(3, random_state=0).fit(ROWS, CLASSES), (0, 1)),
        (MultiOutputClassifier(LogisticRegression(max_iter=2_000)).fit(ROWS, CLASSES), (0, 1)),
        (ClassifierChain(LogisticRegression(max_iter=2_000)).fit(ROWS, CLASSES), (0, 1)),
    ],
    ids=["linear", "forest", "classes", "wrapped", "chain"],
)
def test_a_model_of_several_targets_is_registered(
    tmp_path: Path, model: object, classes: tuple[int, ...] | None, sample: str | None
) -> None:
    contract = registered(tmp_path, model, sample)

    assert contract.outputs.targets == tuple(
        Target(name=f"target_{place}", classes=classes) for place in range(3)
    )
    assert contract.not_compiled["linear"] == "it answers several targets at once"
    replayed(tmp_path, contract)


def test_an_outlier_detector_is_registered(tmp_path: Path) -> None:
    frame = load_breast_cancer(as_frame=True).data
    model = IsolationForest(n_estimators=5, random_state=0).fit(frame)

    contract = registered(tmp_path, model, frame.head(20).to_csv(index=False))

    assert (contract.task, contract.outputs.has_scores) == ("outlier-detection", True)
    assert set(contract.golden.predictions) <= {-1, 1}
    replayed(tmp_path, contract)


@pytest.mark.parametrize(
    ("sample", "takes", "expected"),
    [
        ("town,size\nbern,3\nbasel,4\n", None, "table"),
        ("town\nbern\nbasel\n", "texts", "texts"),
    ],
    ids=["table", "texts"],
)
def test_any_object_with_predict_is_registered_by_its_sample(
    tmp_path: Path, sample: str, takes: Any, expected: str
) -> None:
    registered_as = registered(tmp_path, Lengths(), sample, takes=takes, allowed=(__name__,))

    assert registered_as.input == expected
    assert registered_as.golden.predictions == (4, 5)


@pytest.mark.parametrize("sample", [None, FRAME.to_csv(index=False)], ids=["bare", "sampled"])
def test_columns_of_text_are_not_taken_for_numbers(tmp_path: Path, sample: str | None) -> None:
    with pytest.raises(ModelRejectedError, match=r"takes text in sex, name.*: that is a table"):
        registered(tmp_path, TITANIC, sample, takes="numbers")


def test_a_table_of_numbers_is_recorded_as_one(tmp_path: Path) -> None:
    contract = registered(
        tmp_path, LinearRegression().fit(ROWS, ROWS[:, 0]), NUMBERS, takes="table"
    )

    assert contract.input == "table"
    replayed(tmp_path, contract)


def test_without_a_sample_such_an_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRejectedError, match="does not say n_features_in_"):
        registered(tmp_path, Lengths(), allowed=(__name__,))

    assert versions(tmp_path / "registry", "mine") == []


def test_a_text_that_the_model_cannot_take_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelRejectedError, match="could not convert string to float: 'red'"):
        registered(
            tmp_path, LinearRegression().fit(ROWS, ROWS[:, 0]), "a,b,c\n1,red,2\n", takes="table"
        )


def test_columns_that_are_not_fitted_are_refused(tmp_path: Path) -> None:
    columns = make_column_transformer((OneHotEncoder(), ["sex"]))

    with pytest.raises(ModelRejectedError, match="NotFittedError"):
        registered(tmp_path, make_pipeline(columns, LogisticRegression()), "sex\nmale\nfemale\n")


def test_a_name_that_no_contract_holds_is_refused(tmp_path: Path) -> None:
    model = LinearRegression().fit(pd.DataFrame({"x" * 201: [1.0, 2.0]}), [1.0, 2.0])

    with pytest.raises(ModelRejectedError, match="fits no contract: name: String should have at"):
        registered(tmp_path, model)


@needs_data
def test_a_pipeline_fitted_on_housing_is_registered(tmp_path: Path) -> None:
    frame = pd.read_csv(DATA / "housing.csv").head(2_000)
    rows, target = frame.drop(columns="median_house_value"), frame["median_house_value"]
    columns = make_column_transformer(
        (OneHotEncoder(), ["ocean_proximity"]), remainder=SimpleImputer()
    )
    model = make_pipeline(columns, LinearRegression()).fit(rows, target)

    contract = registered(tmp_path, model, rows.head(300).to_csv(index=False))

    coast = features(contract)["ocean_proximity"]
    assert coast.categories == tuple(sorted(set(rows["ocean_proximity"])))
    assert coast.unknown == "refuse"
    assert features(contract)["total_bedrooms"].missing == Missing(policy="pass")
    assert len(contract.golden.inputs) == 32
    replayed(tmp_path, contract)
