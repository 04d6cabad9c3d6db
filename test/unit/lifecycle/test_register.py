from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from app.domain.contract import Contract, Missing
from app.domain.golden import replay
from app.errors import ModelRejectedError, RegistryError, TrainingDataError
from app.lifecycle.register import register
from app.lifecycle.registry import read_version, versions
from app.wiring import open_compiled, open_estimator, reference_engine

pd = pytest.importorskip("pandas")
ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0]])
NUMBERS = ROWS @ [2.0, 1.0]
LABELS = np.array(["no", "no", "yes", "yes"])
ARRAY_FITTED = LinearRegression().fit(ROWS, NUMBERS)
FRAME_FITTED = make_pipeline(StandardScaler(), LogisticRegression()).fit(
    pd.DataFrame(ROWS, columns=["width", "height"]), LABELS
)
TAKES_NO_ZERO = make_pipeline(PowerTransformer("box-cox"), LinearRegression()).fit(
    ROWS + 5, NUMBERS
)


class NotFittedAtAll:
    n_features_in_ = 2

    def predict(self, rows: object) -> object:
        raise RuntimeError(f"fit me first\nand then ask again {rows}")


class Rambling:
    n_features_in_ = 2

    def predict(self, rows: list[object]) -> object:
        return np.array([{"answer": 42} for _ in rows])


def registered(
    folder: Path, estimator: object, sample: str | None = None, **options: Any
) -> Contract:
    joblib.dump(estimator, folder / "mine.joblib")
    rows = None
    if sample is not None:
        rows = folder / "rows.csv"
        rows.write_text(sample)
    return register_file(folder, sample=rows, **options)


def register_file(
    folder: Path, name: str = "mine", allowed: tuple[str, ...] = (__name__,), **options: Any
) -> Contract:
    contract, _ = register(
        folder / "mine.joblib",
        name=name,
        registry=folder / "registry",
        open_estimator=partial(open_estimator, allowed_modules=allowed),
        engine_of=reference_engine,
        open_compiled=open_compiled,
        **options,
    )
    return contract


def replayed(folder: Path, contract: Contract) -> None:
    stored = read_version(folder / "registry", contract.name, contract.version)
    probable = contract.outputs.has_probabilities
    engine = reference_engine(open_estimator(stored.payload), has_probabilities=probable)
    replay(stored.contract, engine)


@pytest.mark.parametrize(
    ("estimator", "task", "names"),
    [
        (ARRAY_FITTED, "regression", ("feature_0", "feature_1")),
        (FRAME_FITTED, "classification", ("width", "height")),
        (KMeans(2, n_init=1).fit(ROWS), "regression", ("feature_0", "feature_1")),
    ],
)
def test_a_fitted_estimator_gets_a_contract(
    tmp_path: Path, estimator: object, task: str, names: tuple[str, ...]
) -> None:
    contract = registered(tmp_path, estimator)

    assert (contract.name, contract.version, contract.task) == ("mine", "1", task)
    assert contract.feature_names == names


def test_the_users_file_is_stored_as_it_is(tmp_path: Path) -> None:
    registered(tmp_path, ARRAY_FITTED)

    stored = read_version(tmp_path / "registry", "mine", "1").payload
    assert stored == (tmp_path / "mine.joblib").read_bytes()


def test_a_bare_file_has_no_training_and_no_golden_rows(tmp_path: Path) -> None:
    contract = registered(tmp_path, ARRAY_FITTED)

    assert contract.training is None
    assert contract.golden.inputs == ()
    assert contract.features[0].trained_minimum is None


def test_a_second_file_is_the_next_version(tmp_path: Path) -> None:
    assert [registered(tmp_path, it).version for it in (ARRAY_FITTED, FRAME_FITTED)] == ["1", "2"]


@pytest.mark.parametrize("estimator", [ARRAY_FITTED, FRAME_FITTED])
def test_a_sample_gives_golden_rows(tmp_path: Path, estimator: object) -> None:
    contract = registered(tmp_path, estimator, "one,two\n1,2\n3,4\n")

    assert contract.golden.inputs == ((1.0, 2.0), (3.0, 4.0))
    replayed(tmp_path, contract)


def test_a_sample_gives_the_ranges(tmp_path: Path) -> None:
    features = registered(tmp_path, ARRAY_FITTED, "one,two\n1,2\n3,4\n").features

    ranges = [(f.trained_minimum, f.trained_maximum) for f in features]
    assert ranges == [(1.0, 3.0), (2.0, 4.0)]


def test_columns_of_a_sample_are_found_by_name(tmp_path: Path) -> None:
    contract = registered(tmp_path, FRAME_FITTED, "id,height,width\n7,2,1\n")

    assert contract.golden.inputs == ((1.0, 2.0),)


def test_a_sample_may_have_a_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    contract = registered(tmp_path, FRAME_FITTED, "\ufeffwidth,height,id\n\n1,2,3\n\n")

    assert contract.golden.inputs == ((1.0, 2.0),)


def test_a_model_that_takes_gaps_is_sampled_with_them(tmp_path: Path) -> None:
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(ROWS, LABELS)

    contract = registered(tmp_path, forest, "one,two\n1,\n,4\n")

    assert contract.golden.inputs == ((1.0, None), (None, 4.0))
    assert [feature.missing for feature in contract.features] == [Missing(policy="pass")] * 2
    replayed(tmp_path, contract)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("", "the file is empty"),
        ("one,two\nred,2\n", "line 2: one: 'red' is not a number"),
        ("one,two\n1\n", "line 2 has 1 cells; 2 are needed"),
        ("one,two\n1,2\n" + "3" * 200_000 + ",4\n", "line 3: cannot be read as CSV"),
        ("one,two\n", "one: holds no value at all"),
        ("one,two\n1,\n3,\n", "two: holds no value at all"),
        ("one,two\n1,inf\n", "line 2: two: holds a value beyond"),
        ("one,two,three\n1,2,3\n", "has 3 columns; the model takes 2: feature_0, feature_1"),
        ("one\n1\n", "has 1 columns; the model takes 2: feature_0, feature_1"),
    ],
    ids=[
        "empty", "text", "ragged", "endless", "no-rows", "no-values", "infinite", "wide", "narrow",
    ],
)  # fmt: skip
def test_a_sample_that_does_not_fit_is_refused(tmp_path: Path, sample: str, message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        registered(tmp_path, ARRAY_FITTED, sample)


def test_a_sample_that_is_not_there_is_refused(tmp_path: Path) -> None:
    registered(tmp_path, ARRAY_FITTED)

    with pytest.raises(TrainingDataError, match=r"nobody\.csv: .*No such file"):
        register_file(tmp_path, sample=tmp_path / "nobody.csv")


def test_rows_that_the_model_refuses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRejectedError, match=r"cannot answer .*rows\.csv: ValueError: .*NaN"):
        registered(tmp_path, ARRAY_FITTED, "one,two\n1,\n3,4\n")


def test_a_model_that_cannot_answer_zeros_needs_a_sample(tmp_path: Path) -> None:
    with pytest.raises(ModelRejectedError, match="give rows that it takes with --sample"):
        registered(tmp_path, TAKES_NO_ZERO)


def test_with_a_sample_it_is_registered(tmp_path: Path) -> None:
    replayed(tmp_path, registered(tmp_path, TAKES_NO_ZERO, "one,two\n5,6\n6,5\n"))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearRegression(), "is it fitted|is not fitted yet"),
        (make_pipeline(StandardScaler(), LinearRegression()), "is it fitted|is not fitted yet"),
        (StandardScaler().fit(ROWS), "has no predict method"),
        ({"weights": [1, 2]}, "has no predict method"),
        (NotFittedAtAll(), r"RuntimeError: fit me first$"),
        (Rambling(), "answers neither labels nor numbers"),
    ],
    ids=["unfitted", "unfitted-pipeline", "scaler", "dictionary", "raising", "rambling"],
)
@pytest.mark.parametrize("sample", [None, "one,two\n1,2\n3,4\n"], ids=["bare", "sampled"])
def test_what_is_no_fitted_estimator_is_refused(
    tmp_path: Path, estimator: object, message: str, sample: str | None
) -> None:
    with pytest.raises(ModelRejectedError, match=message):
        registered(tmp_path, estimator, sample)

    assert versions(tmp_path / "registry", "mine") == []


def test_a_file_that_names_what_is_not_listed_is_refused_and_not_stored(tmp_path: Path) -> None:
    joblib.dump(NotFittedAtAll(), tmp_path / "mine.joblib")

    with pytest.raises(
        ModelRejectedError, match=r"names test\.unit.*NotFittedAtAll, which is not on"
    ):
        register_file(tmp_path, allowed=())

    assert versions(tmp_path / "registry", "mine") == []


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x80\x04", b"PK\x03\x04"])
def test_a_file_that_is_no_joblib_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.joblib").write_bytes(content)

    with pytest.raises(ModelRejectedError, match="cannot be loaded by joblib"):
        register_file(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"mine\.joblib: No such file"):
        register_file(tmp_path)


@pytest.mark.parametrize("name", ["", "A", "a.b", "../a", "dev", "a" * 65])
def test_a_name_that_is_none_is_refused_before_the_file_is_opened(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(RegistryError, match="is no model name"):
        register_file(tmp_path, name)
