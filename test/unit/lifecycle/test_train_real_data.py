"""Tables as people have them; the files lie outside the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.contract import Input, Missing, Task
from app.lifecycle.datasets import Table, built_in, from_csv
from app.lifecycle.labelled_texts import from_texts
from test.unit.lifecycle.training import replayed, trained

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the folder ../shared/data with housing.csv and titanic.csv is absent"
)
NO_FEATURES = ["PassengerId", "Name", "Ticket", "Cabin"]


def housing() -> Table:
    return from_csv(DATA / "housing.csv", ["median_house_value"])


def titanic() -> Table:
    return from_csv(DATA / "titanic.csv", ["Survived"], NO_FEATURES)


# Each shape of model there is, with a measure of the held-out rows and the least it must be.
@pytest.mark.parametrize(
    ("table_of", "promised", "measure", "least"),
    [
        pytest.param(lambda: built_in("iris"), ("numbers", "classification"), "accuracy", 0.9),
        pytest.param(lambda: built_in("wine"), ("numbers", "classification"), "accuracy", 0.9),
        pytest.param(lambda: built_in("digits"), ("numbers", "classification"), "accuracy", 0.9),
        pytest.param(
            lambda: built_in("breast_cancer"), ("numbers", "classification"), "accuracy", 0.9
        ),
        pytest.param(lambda: built_in("diabetes"), ("numbers", "regression"), "r2", 0.4),
        pytest.param(housing, ("table", "regression"), "r2", 0.6, marks=needs_data),
        pytest.param(titanic, ("table", "classification"), "accuracy", 0.75, marks=needs_data),
        pytest.param(
            lambda: from_texts(DATA / "sentiment"), ("texts", "classification"), "accuracy", 0.6,
            marks=needs_data,
        ),
        # Twenty athletes teach little: worse than their mean, but as scikit-learn does it.
        pytest.param(lambda: built_in("linnerud"), ("numbers", "regression"), "r2", -3.0),
        pytest.param(
            lambda: built_in("breast_cancer").without_target(),
            ("numbers", "outlier-detection"), "outlier_share", 0.02,
        ),
    ],
    ids=[
        "iris", "wine", "digits", "breast-cancer", "diabetes", "housing", "titanic", "tweets",
        "linnerud", "outliers",
    ],
)  # fmt: skip
def test_each_of_ten_models_is_trained_and_answers_as_it_did(
    tmp_path: Path,
    table_of: Callable[[], Table],
    promised: tuple[Input, Task],
    measure: str,
    least: float,
) -> None:
    contract = trained(tmp_path, table_of())
    replayed(tmp_path, contract)

    assert (contract.input, contract.task) == promised
    assert contract.training is not None
    assert contract.training.metrics[measure] >= least


@needs_data
def test_another_estimator_learns_the_same_table(tmp_path: Path) -> None:
    contract = trained(tmp_path, titanic(), estimator="forest")

    replayed(tmp_path, contract)
    assert contract.training is not None
    assert contract.training.metrics["accuracy"] >= 0.75


@needs_data
def test_housing_has_gaps_and_the_categories_of_the_coast(tmp_path: Path) -> None:
    features = {it.name: it for it in trained(tmp_path, housing()).features}

    coast = features.pop("ocean_proximity")
    assert coast.categories == ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")
    assert (coast.unknown, coast.missing) == ("warn", None)
    assert features.pop("total_bedrooms").missing == Missing(policy="pass")
    assert {it.missing for it in features.values()} == {None}


@needs_data
def test_the_whole_of_titanic_is_read_names_and_all(tmp_path: Path) -> None:
    table = from_csv(DATA / "titanic.csv", ["Survived"])

    kinds = dict(zip(table.feature_names, table.kinds, strict=True))

    assert [name for name, kind in kinds.items() if kind == "text"] == ["Name", "Ticket", "Cabin"]
    assert [name for name, kind in kinds.items() if kind == "category"] == ["Sex", "Embarked"]
    assert trained(tmp_path, table).input == "table"


@needs_data
def test_a_text_target_of_housing_trains_a_classification(tmp_path: Path) -> None:
    contract = trained(tmp_path, from_csv(DATA / "housing.csv", ["ocean_proximity"]))

    assert contract.outputs.classes == ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")
    assert contract.input == "numbers"


@needs_data
def test_two_targets_of_titanic_are_learnt_together(tmp_path: Path) -> None:
    contract = trained(
        tmp_path, from_csv(DATA / "titanic.csv", ["Survived", "Pclass"], NO_FEATURES)
    )

    assert [target.name for target in contract.outputs.targets] == ["Survived", "Pclass"]
    assert [target.classes for target in contract.outputs.targets] == [(0, 1), (1, 2, 3)]
