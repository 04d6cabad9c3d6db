"""Tables as people have them; the files lie outside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.contract import Contract, Missing
from app.domain.golden import replay
from app.errors import TrainingDataError
from app.lifecycle.datasets import from_csv
from app.lifecycle.registry import read_version
from app.lifecycle.train import train
from app.wiring import open_compiled, open_estimator, reference_engine

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the folder ../shared/data with housing.csv and titanic.csv is absent"
)


def trained(registry: Path, csv: Path, target: str) -> Contract:
    """Train on *csv*, and replay the golden rows of what was stored."""
    table = from_csv(csv, target)
    train(
        table,
        name=table.name,
        registry=registry,
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    stored = read_version(registry, table.name, "1")
    probable = stored.contract.outputs.has_probabilities
    engine = reference_engine(open_estimator(stored.payload), has_probabilities=probable)
    replay(stored.contract, engine)
    return stored.contract


def without(column: int, source: Path, copy: Path) -> Path:
    lines = [line.split(",") for line in source.read_text().splitlines()[:3_000]]
    copy.write_text(
        "".join(",".join(cells[:column] + cells[column + 1 :]) + "\n" for cells in lines)
    )
    return copy


@pytest.mark.parametrize(
    ("file", "target", "problem"),
    [
        ("housing.csv", "median_house_value", "line 2: ocean_proximity: 'NEAR BAY' is not a"),
        ("titanic.csv", "Survived", "line 2: Name: 'Braund, Mr. Owen Harris' is not a number"),
    ],
)
def test_a_text_column_in_the_way_is_named(file: str, target: str, problem: str) -> None:
    with pytest.raises(TrainingDataError, match=problem):
        from_csv(DATA / file, target)


def test_the_numbers_of_housing_train_a_regression_that_passes_gaps(tmp_path: Path) -> None:
    numbers = without(9, DATA / "housing.csv", tmp_path / "housing.csv")

    contract = trained(tmp_path, numbers, "median_house_value")

    policies = {feature.name: feature.missing for feature in contract.features}
    assert policies.pop("total_bedrooms") == Missing(policy="pass")
    assert set(policies.values()) == {None}


def test_a_text_target_of_housing_trains_a_classification(tmp_path: Path) -> None:
    contract = trained(tmp_path, DATA / "housing.csv", "ocean_proximity")

    assert contract.outputs.classes == ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")
